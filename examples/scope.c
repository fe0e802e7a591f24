// A time budget for libraries that have none of their own: a query by libpq and a transfer by libcurl, each in a scope.
//
//   cc -o scope examples/scope.c $(pkg-config --cflags --libs netdeadline libpq libcurl)
//   ./scope 2 "host=db.example.org dbname=shop" "select count(*) from orders" http://www.example.org/
//
// Gives each of the two 2 seconds in all: for connecting (to every address of the name), encryption, logging in, the question
// and the whole answer. Prints what came of it, in the library's own words, and how long it took:
//
//   query: failed after 2.001 s: could not receive data from server: Connection timed out
//   transfer: 1256 bytes in 0.094 s
//
// Neither library is told anything. Between nd_scope_enter and nd_scope_leave no socket operation and no poll of this thread
// waits past the instant, whoever makes it; from then on socket operations fail with ETIMEDOUT, which both libraries know how to
// report. What other threads do is not bounded: libcurl looks up names in a thread of its own, so a dead name server may hold a
// transfer beyond its scope, until the resolver gives up. Nor is what glibc waits for inside getaddrinfo, which libpq calls.
//
// Exits 0 if both went well, 1 if one failed, 2 on a usage error.
#include <curl/curl.h>
#include <libpq-fe.h>
#include <netdeadline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds_since(int64_t start) { return (double)(nd_now() - start) / 1e9; }

// libpq ends its messages with a newline, and begins some with one.
static const char *one_line(char *message)
{
    for (char *at = message; (at = strchr(at, '\n')); at++) *at = at[1] ? ' ' : '\0';
    return message;
}

// Connects and asks. Neither call below knows of a deadline.
static int query(const char *conninfo, const char *question, int64_t budget)
{
    int64_t start = nd_now();
    int64_t scope = nd_scope_enter(start + budget);
    if (scope < 0) return perror("nd_scope_enter"), 0;
    PGconn *connection = PQconnectdb(conninfo);
    PGresult *result = PQstatus(connection) == CONNECTION_OK ? PQexec(connection, question) : NULL;
    // Left before anything is tidied up: closing and freeing are no part of the budget, and must not fail for it.
    nd_scope_leave(scope);

    ExecStatusType status = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;
    int good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    if (good)
        printf("query: %d rows in %.3f s\n", PQntuples(result), seconds_since(start));
    else
        printf("query: failed after %.3f s: %s\n", seconds_since(start), one_line(PQerrorMessage(connection)));
    PQclear(result);
    PQfinish(connection);
    return good;
}

static size_t count_bytes(char *data, size_t size, size_t count, void *total)
{
    (void)data;
    *(size_t *)total += size * count;
    return size * count;
}

static int transfer(const char *url, int64_t budget)
{
    CURL *curl = curl_easy_init();
    if (!curl) return fputs("curl_easy_init failed\n", stderr), 0;
    char message[CURL_ERROR_SIZE] = "";
    size_t bytes = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &bytes);

    int64_t start = nd_now();
    int64_t scope = nd_scope_enter(start + budget);
    if (scope < 0) return perror("nd_scope_enter"), curl_easy_cleanup(curl), 0;
    CURLcode code = curl_easy_perform(curl);
    nd_scope_leave(scope);

    if (code == CURLE_OK)
        printf("transfer: %zu bytes in %.3f s\n", bytes, seconds_since(start));
    else
        printf("transfer: failed after %.3f s: %s\n", seconds_since(start), *message ? message : curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    return code == CURLE_OK;
}

int main(int argc, char **argv)
{
    double seconds = argc == 5 ? atof(argv[1]) : 0;
    // Instants are nanoseconds in 64 bits: 292 years. A day is enough for an example.
    if (!(seconds > 0 && seconds <= 86400)) {
        fprintf(stderr, "usage: %s SECONDS CONNINFO QUERY URL\n", argv[0]);
        return 2;
    }
    int64_t budget = (int64_t)(seconds * 1e9);
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) return fputs("curl_global_init failed\n", stderr), 2;
    // Each has a budget of its own. A scope around both would bound their sum: scopes nest, and the earliest instant holds.
    int answered = query(argv[2], argv[3], budget);
    int transferred = transfer(argv[4], budget);
    curl_global_cleanup();
    return answered && transferred ? 0 : 1;
}
