/* An echo server with a thread for each connection. Sound, unless it is compiled with one of the faults WITHOUT_CLOSE, WITH_SIGPIPE or
   WITH_ONE_BUFFER. */
#include "server.h"

enum { SIZE = 8192 };

#ifdef WITH_ONE_BUFFER
static char buffer[SIZE];
#endif

static void *serve(void *argument)
{
    int connection = (int)(long)argument;
#ifndef WITH_ONE_BUFFER
    char buffer[SIZE];
#endif
    for (;;) {
        ssize_t count = read(connection, buffer, SIZE);
        if (count < 0 && errno == EINTR)
            continue;
#ifdef WITH_ONE_BUFFER
        sched_yield();
#endif
        if (count <= 0 || write_all(connection, buffer, count) < 0)
            break;
    }
#ifdef WITHOUT_CLOSE
    shutdown(connection, SHUT_RDWR);
#else
    close(connection);
#endif
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
#ifndef WITH_SIGPIPE
    signal(SIGPIPE, SIG_IGN);
#endif
    int listener = listen_at(argv[1]);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            fail("accept");
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(long)connection) != 0) {
            close(connection);
            continue;
        }
        pthread_detach(thread);
    }
}
