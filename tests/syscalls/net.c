// The suite's own network (net.h). What it is asked for is asked of the kernel by rtnetlink(7): no command has to be installed.
#include "net.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ours;

int own_network(void) { return ours; }

struct request {
    struct nlmsghdr head;
    struct rtmsg route;
    char attributes[128];
};

static void attribute(struct request *request, int type, const void *value, size_t size) {
    struct rtattr *at = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->head.nlmsg_len));
    at->rta_type = (unsigned short)type;
    at->rta_len = (unsigned short)RTA_LENGTH(size);
    memcpy(RTA_DATA(at), value, size);
    request->head.nlmsg_len = NLMSG_ALIGN(request->head.nlmsg_len) + RTA_ALIGN(at->rta_len);
}

static int ask(struct request *request) {
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[256];
    } answer = {.error.error = -1};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int sent = send(fd, request, request->head.nlmsg_len, 0) > 0 && recv(fd, &answer, sizeof answer, 0) > 0;
    close(fd);
    return sent && answer.error.error == 0 ? 0 : -1;
}

static struct request new_route(int family, int bits, int type, int table) {
    return (struct request){
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)), .nlmsg_type = RTM_NEWROUTE,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
        .route = {.rtm_family = (unsigned char)family, .rtm_dst_len = (unsigned char)bits, .rtm_table = (unsigned char)table,
                  .rtm_protocol = RTPROT_STATIC, .rtm_type = (unsigned char)type,
                  .rtm_scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE}};
}

int route(int family, int net, int type) {
    unsigned char v4[4] = {10, (unsigned char)net}, v6[16] = {0xfd, 0, 0, (unsigned char)net};
    struct request request = new_route(family, family == AF_INET ? 16 : 32, type, RT_TABLE_MAIN);
    if (!ours) {
        return -1;
    }
    attribute(&request, RTA_DST, family == AF_INET ? v4 : v6, family == AF_INET ? 4 : 16);
    return ask(&request);
}

// Acknowledge at once on IPv4's loopback: the 40 ms that TCP waits for company are most of the time that filling a socket takes.
static void acknowledge_at_once(void) {
    unsigned char self[4] = {127, 0, 0, 1};
    int loopback = (int)if_nametoindex("lo");
    struct request request = new_route(AF_INET, 32, RTN_LOCAL, RT_TABLE_LOCAL);
    struct {
        struct rtattr head;
        int value;
    } metric = {{sizeof metric, RTAX_QUICKACK}, 1};
    attribute(&request, RTA_DST, self, sizeof self);
    attribute(&request, RTA_OIF, &loopback, sizeof loopback);
    attribute(&request, RTA_METRICS, &metric, sizeof metric);
    ask(&request);
}

int set_sysctl(const char *name, const char *value) {
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/%s", name);
    int fd = ours ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    int done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    close(fd);
    return done ? 0 : -1;
}

int take_network(void) {
    if (unshare(CLONE_NEWNET)) {
        return 0;
    }
    struct ifreq device = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ours = ioctl(fd, SIOCSIFFLAGS, &device) == 0;
    close(fd);
    if (ours) {
        acknowledge_at_once();
    }
    return ours;
}
