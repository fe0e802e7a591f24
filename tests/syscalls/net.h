// The suite's own network: a namespace in which only loopback exists, and what a case needs of it. In one that is not the suite's
// own nothing is changed.
#ifndef NET_H
#define NET_H

#include <linux/rtnetlink.h>

// Take it. 0 where that is not allowed.
int take_network(void);
// Is it ours?
int own_network(void);
// A route of this type (RTN_UNREACHABLE and its like) to 10.NET.0.0/16, or to fd00:NET::/32.
int route(int family, int net, int type);
// Write a number into /proc/sys/net/NAME.
int set_sysctl(const char *name, const char *value);

#endif
