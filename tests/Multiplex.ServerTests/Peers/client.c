/*
 * Calls every procedure of multiplex.x through the stubs that rpcgen makes from it.
 * client tcp PORT | client unix PATH: one line for each procedure; exit status 0 if every result is right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multiplex.h"
#include "peers.h"

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
    client = client_over(argv[1], argv[2], MULTIPLEX_PROGRAM, MULTIPLEX_V1);

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
