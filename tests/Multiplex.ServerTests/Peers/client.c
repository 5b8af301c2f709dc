/*
 * Calls every procedure of multiplex.x through the stubs that rpcgen makes from it.
 * client tcp PORT | client unix PATH: one line for each procedure; exit status 0 if every result is right.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "multiplex.h"

static void check(int right, const char *what)
{
    if (!right) {
        fprintf(stderr, "%s: wrong\n", what);
        exit(1);
    }
    puts(what);
}

static void *answered(void *result, CLIENT *client, const char *what)
{
    if (result == NULL) {
        clnt_perror(client, what);
        exit(1);
    }
    return result;
}

static CLIENT *over_tcp(const char *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)) };
    int fd = RPC_ANYSOCK;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return clnttcp_create(&address, MULTIPLEX_PROGRAM, MULTIPLEX_V1, &fd, 0, 0);
}

/* clntunix_create of libtirpc wants an AF_LOCAL address; clnt_vc_create takes the connected socket as it is. */
static CLIENT *over_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct netbuf server = { .maxlen = sizeof address, .len = sizeof address, .buf = &address };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror(path);
        exit(1);
    }
    return clnt_vc_create(fd, &server, MULTIPLEX_PROGRAM, MULTIPLEX_V1, 0, 0);
}

static void echo(CLIENT *client, unsigned length, const char *what)
{
    payload sent, *back;
    unsigned i;
    sent.payload_len = length;
    sent.payload_val = malloc(length + 1);
    for (i = 0; i < length; i++)
        sent.payload_val[i] = (char)(i * 31 + i / 251);
    back = answered(multiplex_echo_1(&sent, client), client, what);
    check(back->payload_len == length && memcmp(back->payload_val, sent.payload_val, length) == 0, what);
    clnt_freeres(client, (xdrproc_t)xdr_payload, (char *)back);
    free(sent.payload_val);
}

int main(int argc, char **argv)
{
    CLIENT *client;
    unsigned milliseconds = 20, microseconds = 1000;
    u_quad_t amount = 0x100000005, first;
    whoami_res *who;
    if (argc != 3)
        return 2;
    client = strcmp(argv[1], "tcp") == 0 ? over_tcp(argv[2]) : over_unix(argv[2]);
    if (client == NULL) {
        clnt_pcreateerror(argv[2]);
        return 1;
    }

    answered(multiplex_null_1(NULL, client), client, "null");
    check(1, "null");
    echo(client, 0, "echo of nothing");
    echo(client, 5, "echo of five bytes");
    echo(client, MAX_PAYLOAD, "echo of a megabyte");
    check(*(u_int *)answered(multiplex_sleep_1(&milliseconds, client), client, "sleep") == milliseconds, "sleep");
    check(*(u_quad_t *)answered(multiplex_burn_1(&microseconds, client), client, "burn") > 0, "burn");
    first = *(u_quad_t *)answered(multiplex_add_1(&amount, client), client, "add");
    check(*(u_quad_t *)answered(multiplex_add_1(&amount, client), client, "add") == first + amount, "add");
    who = answered(multiplex_whoami_1(NULL, client), client, "whoami");
    check(who->pid > 0 && who->thread > 0 && who->served >= 8, "whoami");
    printf("peer %s\n", who->peer);
    clnt_destroy(client);
    return 0;
}
