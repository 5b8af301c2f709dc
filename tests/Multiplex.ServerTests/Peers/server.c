/*
 * Serves multiplex.x through the skeleton that rpcgen makes from it, on libtirpc's svc_run.
 * server [ENDPOINT …], each tcp, udp or unix:PATH: a line "listening ENDPOINT" for each, with the port that the kernel chose.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "multiplex.h"

void multiplex_program_1(struct svc_req *request, SVCXPRT *transport);

static u_quad_t served, sum;

void *multiplex_null_1_svc(void *argument, struct svc_req *request)
{
    static char nothing;
    (void)argument, (void)request;
    served++;
    return &nothing;
}

payload *multiplex_echo_1_svc(payload *argument, struct svc_req *request)
{
    (void)request;
    served++;
    return argument;
}

u_int *multiplex_sleep_1_svc(u_int *argument, struct svc_req *request)
{
    (void)request;
    served++;
    usleep(*argument * 1000);
    return argument;
}

u_quad_t *multiplex_burn_1_svc(u_int *argument, struct svc_req *request)
{
    static u_quad_t done;
    (void)request;
    served++;
    for (done = 0; done < *argument; done++)
        __asm__ volatile("");
    return &done;
}

u_quad_t *multiplex_add_1_svc(u_quad_t *argument, struct svc_req *request)
{
    (void)request;
    served++;
    sum += *argument;
    return &sum;
}

whoami_res *multiplex_whoami_1_svc(void *argument, struct svc_req *request)
{
    static whoami_res result;
    (void)argument, (void)request;
    result.pid = result.thread = (u_int)getpid();
    result.served = ++served;
    result.peer = "a client of libtirpc";
    return &result;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
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

int main(int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++) {
        SVCXPRT *transport =
            strcmp(argv[i], "udp") == 0 ? svc_dg_create(on_internet(SOCK_DGRAM, "udp"), 0, 0)
            : strcmp(argv[i], "tcp") == 0 ? svc_vc_create(on_internet(SOCK_STREAM, "tcp"), 0, 0)
            : svc_vc_create(on_path(strchr(argv[i], ':') + 1), 0, 0);
        if (transport == NULL || !svc_reg(transport, MULTIPLEX_PROGRAM, MULTIPLEX_V1, multiplex_program_1, NULL)) {
            fprintf(stderr, "%s: cannot be served\n", argv[i]);
            return 1;
        }
    }
    fflush(stdout);
    svc_run();
    return 1;
}
