/*
 * Serves everything.x through the skeletons that rpcgen makes from it, on libtirpc's svc_run.
 * everything_server [ENDPOINT …]: see transport_on.
 */
#include <float.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "everything.h"
#include "peers.h"

void everything_program_1(struct svc_req *request, SVCXPRT *transport);
void everything_program_2(struct svc_req *request, SVCXPRT *transport);
void second_program_7(struct svc_req *request, SVCXPRT *transport);

typedef char *wrapstring;

#define GIVES(program, name, version, argument, result)
#define GIVES_BACK(program, name, version, type) ELEMENTS_BACK(program, name, version, type, type)
#define ELEMENTS_BACK(program, name, version, type, element) \
    element *program##_##name##_##version##_svc(element *value, struct svc_req *request) { (void)request; return value; }
#include "everything.procedures.h"

static char nothing;

void *everything_null_1_svc(void *argument, struct svc_req *request)
{
    (void)argument, (void)request;
    return &nothing;
}

number *everything_length_1_svc(members *argument, struct svc_req *request)
{
    static number length;
    members list;
    (void)request;
    length = 0;
    for (list = *argument; list != NULL; list = list->others)
        length++;
    return &length;
}

int *everything_sums_1_svc(row *argument, struct svc_req *request)
{
    static row sums;
    int i;
    (void)request;
    for (i = 0; i < SMALL; i++)
        sums[i] = argument[0][i] + argument[1][i];
    return sums;
}

choice *everything_choose_1_svc(colour *argument, struct svc_req *request)
{
    static choice chosen;
    (void)request;
    memset(&chosen, 0, sizeof chosen);
    chosen.which = *argument;
    if (chosen.which == GREEN)
        chosen.choice_u.number = 42;
    if (chosen.which == BLUE)
        chosen.choice_u.content.name = chosen.choice_u.content.words = chosen.choice_u.content.tag = chosen.choice_u.content.body = "";
    return &chosen;
}

void *everything_take_1_svc(all *argument, struct svc_req *request)
{
    (void)argument, (void)request;
    return &nothing;
}

numbers *everything_limits_1_svc(void *argument, struct svc_req *request)
{
    static numbers limits = {
        CHAR_MIN, UCHAR_MAX, SHRT_MIN, USHRT_MAX, INT_MIN, UINT_MAX, UINT_MAX, INT_MIN, UINT_MAX,
        INT64_MIN, UINT64_MAX, -FLT_MAX, -DBL_MAX, TRUE, UINT_MAX, UINT_MAX,
    };
    (void)argument, (void)request;
    return &limits;
}

text *everything_spelt_2_svc(numbers *argument, struct svc_req *request)
{
    static char digits[11];
    static text spelt = digits;
    (void)request;
    snprintf(digits, sizeof digits, "%u", argument->ui);
    return &spelt;
}

int main(int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++) {
        SVCXPRT *transport = transport_on(argv[i]);
        if (!svc_reg(transport, EVERYTHING_PROGRAM, EVERYTHING_V1, everything_program_1, NULL)
            || !svc_reg(transport, EVERYTHING_PROGRAM, EVERYTHING_V2, everything_program_2, NULL)
            || !svc_reg(transport, SECOND_PROGRAM, SECOND_V7, second_program_7, NULL))
            die(argv[i]);
    }
    fflush(stdout);
    svc_run();
    return 1;
}
