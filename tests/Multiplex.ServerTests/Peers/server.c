/*
 * Serves multiplex.x through the skeleton that rpcgen makes from it, on libtirpc's svc_run.
 * server [ENDPOINT …], each tcp, udp or unix:PATH: a line "listening ENDPOINT" for each, with the port that the kernel chose.
 */
#include <stdio.h>
#include <unistd.h>

#include "multiplex.h"
#include "peers.h"

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

int main(int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++)
        if (!svc_reg(transport_on(argv[i]), MULTIPLEX_PROGRAM, MULTIPLEX_V1, multiplex_program_1, NULL))
            die(argv[i]);
    fflush(stdout);
    svc_run();
    return 1;
}
