/*
 * Calls the procedures of everything.x through the stubs that rpcgen makes from it.
 * everything_client tcp|udp PORT, everything_client unix PATH: reads calls from standard input, each the name of a stub in 32 bytes, a length
 * in 4 and so many bytes, the argument in XDR. Decodes it, calls, and writes a length and what the result is encoded to.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "everything.h"
#include "peers.h"

/* C's own types, whose routines are not called as they are. */
typedef char *wrapstring;
#define xdr_bool_t xdr_bool

enum { everything = EVERYTHING_PROGRAM, second = SECOND_PROGRAM };

#define GIVES_BACK(program, name, version, type) GIVES(program, name, version, type, type)
#define ELEMENTS_BACK(program, name, version, type, element) GIVES(program, name, version, type, type)

#define GIVES(program, name, version, argument, result) \
    static void *call_##program##_##name##_##version(void *value, CLIENT *client) { return program##_##name##_##version(value, client); }
#include "everything.procedures.h"
#undef GIVES

struct procedure {
    const char *name;
    uint32_t program, version;
    void *(*call)(void *, CLIENT *);
    xdrproc_t argument, result;
    size_t size;
};

static const struct procedure procedures[] = {
#define GIVES(program, name, version, argument, result) \
    { #program "_" #name "_" #version, program, version, call_##program##_##name##_##version, (xdrproc_t)xdr_##argument, (xdrproc_t)xdr_##result, sizeof(argument) },
#include "everything.procedures.h"
};

static char bytes[1 << 20];

static const struct procedure *procedure_of(const char *name)
{
    size_t i;
    for (i = 0; i < sizeof procedures / sizeof procedures[0]; i++)
        if (strcmp(procedures[i].name, name) == 0)
            return &procedures[i];
    die(name);
    return NULL;
}

static void *decoded(const struct procedure *procedure, u_int length)
{
    XDR xdr;
    void *value = calloc(1, procedure->size);
    xdrmem_create(&xdr, bytes, length, XDR_DECODE);
    if (!procedure->argument(&xdr, value) || xdr_getpos(&xdr) != length)
        die("decode");
    return value;
}

static u_int encoded(const struct procedure *procedure, void *value)
{
    XDR xdr;
    xdrmem_create(&xdr, bytes, sizeof bytes, XDR_ENCODE);
    if (!procedure->result(&xdr, value))
        die("encode");
    return xdr_getpos(&xdr);
}

int main(int argc, char **argv)
{
    CLIENT *client;
    struct { char name[32]; uint32_t length; } call;
    if (argc != 3)
        return 2;
    client = client_over(argv[1], argv[2], EVERYTHING_PROGRAM, EVERYTHING_V1);
    while (fread(&call, sizeof call, 1, stdin) == 1) {
        const struct procedure *procedure = procedure_of(call.name);
        void *argument, *result;
        uint32_t length;
        if (call.length > sizeof bytes || fread(bytes, 1, call.length, stdin) != call.length)
            die("the arguments");
        argument = decoded(procedure, call.length);
        clnt_control(client, CLSET_PROG, (char *)&procedure->program);
        clnt_control(client, CLSET_VERS, (char *)&procedure->version);
        result = procedure->call(argument, client);
        if (result == NULL) {
            clnt_perror(client, call.name);
            return 1;
        }
        length = encoded(procedure, result);
        clnt_freeres(client, procedure->result, result);
        xdr_free(procedure->argument, argument);
        free(argument);
        fwrite(&length, sizeof length, 1, stdout);
        fwrite(bytes, 1, length, stdout);
    }
    clnt_destroy(client);
    return 0;
}
