#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "peers.h"

void die(const char *what)
{
    perror(what);
    exit(1);
}

static CLIENT *over_internet(int type, const char *port, u_long program, u_long version)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)) };
    struct timeval again = { .tv_sec = 5 };
    int fd = RPC_ANYSOCK;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return type == SOCK_STREAM ? clnttcp_create(&address, program, version, &fd, 0, 0) : clntudp_create(&address, program, version, again, &fd);
}

/* clntunix_create of libtirpc wants an AF_LOCAL address; clnt_vc_create takes the connected socket as it is. */
static CLIENT *over_unix(const char *path, u_long program, u_long version)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct netbuf server = { .maxlen = sizeof address, .len = sizeof address, .buf = &address };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die(path);
    return clnt_vc_create(fd, &server, program, version, 0, 0);
}

CLIENT *client_over(const char *kind, const char *where, u_long program, u_long version)
{
    CLIENT *client =
        strcmp(kind, "unix") == 0 ? over_unix(where, program, version)
        : over_internet(strcmp(kind, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, where, program, version);
    if (client == NULL) {
        clnt_pcreateerror(where);
        exit(1);
    }
    return client;
}

static int bound(int family, int type, void *address, socklen_t length)
{
    int fd = socket(family, type, 0);
    if (fd < 0 || bind(fd, address, length) < 0 || (type == SOCK_STREAM && listen(fd, 64) < 0))
        die("bind");
    return fd;
}

static int on_internet(int type, const char *name)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int fd = bound(AF_INET, type, &address, length);
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        die("getsockname");
    printf("listening %s://127.0.0.1:%d\n", name, ntohs(address.sin_port));
    return fd;
}

static int on_path(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    printf("listening unix:%s\n", path);
    return bound(AF_UNIX, SOCK_STREAM, &address, sizeof address);
}

SVCXPRT *transport_on(const char *endpoint)
{
    SVCXPRT *transport =
        strcmp(endpoint, "udp") == 0 ? svc_dg_create(on_internet(SOCK_DGRAM, "udp"), 0, 0)
        : strcmp(endpoint, "tcp") == 0 ? svc_vc_create(on_internet(SOCK_STREAM, "tcp"), 0, 0)
        : svc_vc_create(on_path(strchr(endpoint, ':') + 1), 0, 0);
    if (transport == NULL)
        die(endpoint);
    return transport;
}
