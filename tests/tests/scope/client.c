// One thread, one PostgreSQL connection, one libcurl handle: the steps of the command line, each in a scope of its own.
//
//   client [STEP MS ARGUMENT]...
//     connect, reset, query     libpq: PQconnectdb CONNINFO, PQreset (the argument is not used), PQexec SQL
//     easy, multi, select       libcurl: URL by curl_easy_perform; by curl_multi_perform with curl_multi_poll, or with select
//     unix                      libcurl: the argument is a path, asked for http://localhost/good by curl_easy_perform
//     nap                       poll without descriptors
//
// MS is how long the scope lasts; 0 is no scope. Prints a line per step: its name, `ok` or `failed`, how many microseconds it
// took, how many of processor time the whole process spent meanwhile, and the answer or the library's own error (libcurl's with its
// number); between tabs.
// What must come of a step belongs in the test.
#include <curl/curl.h>
#include <libpq-fe.h>
#include <netdeadline.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>

static PGconn *connection;
static CURL *easy;
static CURLM *multi;
static char message[CURL_ERROR_SIZE], answer[256];
static size_t answered;

static int64_t processor_us(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000ll + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static size_t keep(char *data, size_t size, size_t count, void *unused)
{
    (void)unused;
    for (size_t i = 0; i < size * count; i++)
        if (answered < sizeof answer - 1) answer[answered++] = data[i];
    answer[answered] = '\0';
    return size * count;
}

// ---- The steps: each returns whether it went well, and points `text` to the answer or the error.

static bool connected(const char *conninfo, const char **text)
{
    if (connection) PQfinish(connection);
    connection = PQconnectdb(conninfo);
    *text = PQerrorMessage(connection);
    return PQstatus(connection) == CONNECTION_OK;
}

static bool reset(const char *unused, const char **text)
{
    (void)unused;
    PQreset(connection);
    *text = PQerrorMessage(connection);
    return PQstatus(connection) == CONNECTION_OK;
}

static bool query(const char *sql, const char **text)
{
    PGresult *result = PQexec(connection, sql);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    snprintf(answer, sizeof answer, "%s", good && PQntuples(result) ? PQgetvalue(result, 0, 0) : PQerrorMessage(connection));
    *text = answer;
    PQclear(result);
    return good;
}

static bool transferred(CURLcode code, const char **text)
{
    static char error[CURL_ERROR_SIZE + 16];
    snprintf(error, sizeof error, "(%d) %s", (int)code, *message ? message : curl_easy_strerror(code));
    *text = code == CURLE_OK ? answer : error;
    return code == CURLE_OK;
}

static void ask(const char *url, const char *path)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, path);
    *message = '\0';
    *answer = '\0', answered = 0;
}

static bool easily(const char *url, const char **text)
{
    ask(url, NULL);
    return transferred(curl_easy_perform(easy), text);
}

static bool unix_socket(const char *path, const char **text)
{
    ask("http://localhost/good", path);
    return transferred(curl_easy_perform(easy), text);
}

static void wait_in_poll(void) { curl_multi_poll(multi, NULL, 0, 60000, NULL); }

// As the programs do that were written before curl_multi_poll.
static void wait_in_select(void)
{
    fd_set in, out, except;
    int most = -1;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    curl_multi_fdset(multi, &in, &out, &except, &most);
    struct timeval time = {.tv_sec = most < 0 ? 0 : 60, .tv_usec = most < 0 ? 10000 : 0};
    select(most + 1, &in, &out, &except, &time);
}

static bool by_multi(const char *url, void (*wait)(void), const char **text)
{
    ask(url, NULL);
    curl_multi_add_handle(multi, easy);
    CURLcode code = CURLE_FAILED_INIT;
    for (int running = 1; running;) {
        curl_multi_perform(multi, &running);
        if (running) wait();
    }
    int left;
    for (CURLMsg *told; (told = curl_multi_info_read(multi, &left));)
        if (told->msg == CURLMSG_DONE) code = told->data.result;
    curl_multi_remove_handle(multi, easy);
    return transferred(code, text);
}

static bool multi_poll(const char *url, const char **text) { return by_multi(url, wait_in_poll, text); }
static bool multi_select(const char *url, const char **text) { return by_multi(url, wait_in_select, text); }

static bool nap(const char *unused, const char **text)
{
    (void)unused;
    snprintf(answer, sizeof answer, "%d", poll(NULL, 0, 60000));
    *text = answer;
    return true;
}

static const struct step {
    const char *name;
    bool (*run)(const char *argument, const char **text);
} steps[] = {
    {"connect", connected}, {"reset", reset},       {"query", query},         {"easy", easily},
    {"unix", unix_socket},  {"multi", multi_poll}, {"select", multi_select}, {"nap", nap},
};

static int one(const struct step *step, const char *ms, const char *argument)
{
    int64_t lasts = atoll(ms) * 1000000, scope = 0;
    int64_t used = processor_us(), start = nd_now();
    if (lasts && (scope = nd_scope_enter(start + lasts)) < 0) return perror("nd_scope_enter"), 2;
    const char *text = "";
    bool good = step->run(argument, &text);
    int64_t took = nd_now() - start;
    if (lasts && nd_scope_leave(scope)) return perror("nd_scope_leave"), 2;
    used = processor_us() - used;
    printf("%s\t%s\t%lld\t%lld\t", step->name, good ? "ok" : "failed", (long long)(took / 1000), (long long)used);
    for (; *text; text++) putchar(*text == '\n' || *text == '\t' ? ' ' : *text);
    putchar('\n');
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    easy = curl_easy_init();
    multi = curl_multi_init();
    if (!easy || !multi) return fputs("libcurl does not start\n", stderr), 2;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    for (int i = 1; i + 2 < argc; i += 3) {
        const struct step *step = steps;
        while (step < steps + sizeof steps / sizeof *steps && strcmp(step->name, argv[i])) step++;
        if (step == steps + sizeof steps / sizeof *steps) return fprintf(stderr, "no step %s\n", argv[i]), 2;
        int status = one(step, argv[i + 1], argv[i + 2]);
        if (status) return status;
    }
    if (connection) PQfinish(connection);
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    return 0;
}
