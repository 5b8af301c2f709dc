/*
 * One call of multiplex.x times out, and the ones behind it on the same connection are answered all the same.
 * after_a_timeout tcp PORT | after_a_timeout unix PATH: exit status 0 if every result is right.
 */
#include <stdio.h>

#include "multiplex.h"
#include "peers.h"

static enum clnt_stat nap(CLIENT *client, u_int milliseconds, u_int *result, struct timeval patience)
{
    return clnt_call(client, MULTIPLEX_SLEEP, (xdrproc_t)xdr_u_int, (void *)&milliseconds, (xdrproc_t)xdr_u_int, (void *)result, patience);
}

int main(int argc, char **argv)
{
    struct timeval little = { .tv_usec = 100000 }, enough = { .tv_sec = 25 };
    CLIENT *client;
    u_int i, result;
    if (argc != 3)
        return 2;
    client = client_over(argv[1], argv[2], MULTIPLEX_PROGRAM, MULTIPLEX_V1);
    if (nap(client, 1000, &result, little) != RPC_TIMEDOUT) {
        fprintf(stderr, "the first call does not time out\n");
        return 1;
    }
    for (i = 0; i < 4; i++) {
        enum clnt_stat status = nap(client, i, &result, enough);
        if (status != RPC_SUCCESS || result != i) {
            fprintf(stderr, "call %u after it: %s\n", i + 1, clnt_sperrno(status));
            return 1;
        }
    }
    clnt_destroy(client);
    return 0;
}
