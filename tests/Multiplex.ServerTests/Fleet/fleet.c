/* A client by libtirpc: asks the name service of a host where a program is, calls its procedure 0 over a transport, and says at which port it was answered. */
#include <netinet/in.h>
#include <rpc/rpc.h>
#include <stdio.h>
#include <stdlib.h>

/* HOST PROGRAM TRANSPORT */
int main(int argc, char **argv) {
    struct timeval patience = {10, 0};
    struct netbuf address = {0};
    CLIENT *client = argc == 4 ? clnt_create(argv[1], strtoul(argv[2], NULL, 0), 1, argv[3]) : NULL;
    if (client == NULL) {
        clnt_pcreateerror("clnt_create");
        return 1;
    }
    if (clnt_call(client, 0, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL, patience) != RPC_SUCCESS || !clnt_control(client, CLGET_SVC_ADDR, (char *)&address)) {
        clnt_perror(client, "clnt_call");
        return 1;
    }
    printf("%s %u\n", argv[3], ntohs(((struct sockaddr_in *)address.buf)->sin_port));
    return 0;
}
