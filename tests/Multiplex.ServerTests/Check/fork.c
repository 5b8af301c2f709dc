/* An echo server with a process for each connection. Sound, unless it is compiled with one of the faults WITHOUT_FORK, WITHOUT_WAIT,
   WITHOUT_CLOSE_IN_PARENT, WITHOUT_REUSEADDR, WITH_STRINGS or WITH_LINES. */
#include "server.h"

static void serve(int connection)
{
    char buffer[8192];
    size_t length = 0;
    for (;;) {
        ssize_t count = read(connection, buffer + length, sizeof buffer - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return;
#ifdef WITH_LINES
        /* Answers once a line is whole. */
        length += count;
        if (length < sizeof buffer && buffer[length - 1] != '\n')
            continue;
        count = length;
        length = 0;
#endif
#ifdef WITH_STRINGS
        count = strnlen(buffer, count);
#endif
        if (write_all(connection, buffer, count) < 0)
            return;
    }
}

#ifndef WITHOUT_WAIT
static void wait_for_children(int signal)
{
    (void)signal;
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = saved;
}
#endif

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    int listener = listen_at(argv[1]);
#ifndef WITHOUT_WAIT
    struct sigaction action = { .sa_handler = wait_for_children, .sa_flags = SA_RESTART };
    sigaction(SIGCHLD, &action, NULL);
#endif
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            fail("accept");
        }
#ifdef WITHOUT_FORK
        signal(SIGPIPE, SIG_IGN);
        serve(connection);
#else
        switch (fork()) {
        case -1:
            perror("fork");
            break;
        case 0:
            close(listener);
            serve(connection);
            _exit(0);
        }
#endif
#ifndef WITHOUT_CLOSE_IN_PARENT
        close(connection);
#endif
    }
}
