/*
 * What C programs do with a name service, by libtirpc: register, look up and remove, in its versions 4 and 2; and make a
 * client of a host, a program and a version. Says of each whether it worked.
 */
#include <arpa/inet.h>
#include <netconfig.h>
#include <rpc/rpc.h>
#include <rpc/pmap_clnt.h>
#include <rpc/rpcb_clnt.h>
#include <stdio.h>
#include <stdlib.h>

static const rpcprog_t own = 0x20009997;

static void say(const char *what, int worked) { printf("%s %s\n", what, worked ? "yes" : "no"); }

static void rpcbind_calls(void) {
    struct netconfig *tcp = getnetconfigent("tcp");
    struct netbuf *address = uaddr2taddr(tcp, "127.0.0.1.0.111");
    struct sockaddr_in found = {0};
    struct netbuf result = {sizeof found, 0, &found};
    time_t now = 0;
    say("rpcb_set", rpcb_set(own, 1, tcp, address));
    say("rpcb_getaddr", rpcb_getaddr(own, 1, tcp, &result, "127.0.0.1") && found.sin_port == htons(111));
    say("rpcb_unset", rpcb_unset(own, 1, tcp));
    say("rpcb_getaddr", rpcb_getaddr(own, 1, tcp, &result, "127.0.0.1"));
    say("rpcb_gettime", rpcb_gettime("127.0.0.1", &now) && now != 0);
}

static void portmap_calls(void) {
    struct sockaddr_in host = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    say("pmap_set", pmap_set(own, 2, IPPROTO_UDP, 111));
    say("pmap_getport", pmap_getport(&host, own, 2, IPPROTO_UDP) == 111);
    say("pmap_unset", pmap_unset(own, 2));
    host.sin_port = 0;
    say("pmap_getport", pmap_getport(&host, own, 2, IPPROTO_UDP) == 111);
}

static void ping(const char *what, CLIENT *client) {
    struct timeval patience = {10, 0};
    if (client == NULL)
        clnt_pcreateerror(what);
    else
        say(what, clnt_call(client, 0, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL, patience) == RPC_SUCCESS);
}

/* The program to ping. */
int main(int argc, char **argv) {
    rpcprog_t program = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
    rpcbind_calls();
    portmap_calls();
    ping("clnt_create tcp", clnt_create("127.0.0.1", program, 1, "tcp"));
    ping("clnt_create udp", clnt_create("127.0.0.1", program, 1, "udp"));
    ping("clnt_tp_create tcp6", clnt_tp_create("::1", program, 1, getnetconfigent("tcp6")));
    ping("clnt_tp_create udp6", clnt_tp_create("::1", program, 1, getnetconfigent("udp6")));
    return 0;
}
