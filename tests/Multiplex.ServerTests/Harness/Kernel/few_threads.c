/* Loaded before libc, LD_PRELOAD of ld.so(8): the system gives the process MOST_THREADS threads beside its first. Works for root too, as RLIMIT_NPROC does not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static atomic_int made;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
    const char *most = getenv("MOST_THREADS");
    if (most != NULL && atomic_fetch_add(&made, 1) >= atoi(most))
        return EAGAIN;
    return ((create *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, routine, argument);
}
