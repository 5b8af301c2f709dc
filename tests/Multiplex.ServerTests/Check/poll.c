/* An echo server in one thread, with poll(2). Sound, unless it is compiled with one of the faults WITH_BLOCKING_WRITES, WITHOUT_THE_REST,
   WITH_POLLOUT_ALWAYS, WITHOUT_THE_LAST or WITHOUT_LIMIT. */
#include "server.h"

enum { MOST = 1024, PIECE = 16384, LIMIT = 65536 };

/* The bytes of a connection that are not written yet, from start to end. */
struct pending {
    char *bytes;
    size_t start, end, size;
    int ended;   /* the client has shut down its side */
};

static struct pollfd fds[MOST];
static struct pending pendings[MOST];
static int count = 1;

static void add(int connection)
{
    if (count == MOST) {
        close(connection);
        return;
    }
#ifndef WITH_BLOCKING_WRITES
    fcntl(connection, F_SETFL, fcntl(connection, F_GETFL) | O_NONBLOCK);
#endif
    fds[count] = (struct pollfd){ .fd = connection, .events = POLLIN };
    pendings[count++] = (struct pending){ 0 };
}

static void drop(int i)
{
    close(fds[i].fd);
    free(pendings[i].bytes);
    fds[i] = fds[--count];
    pendings[i] = pendings[count];
}

static void keep(struct pending *pending, const char *bytes, size_t length)
{
    if (pending->start == pending->end)
        pending->start = pending->end = 0;
    if (pending->end + length > pending->size) {
        pending->size = pending->size * 2 + length;
        pending->bytes = realloc(pending->bytes, pending->size);
        if (pending->bytes == NULL)
            fail("realloc");
    }
    memcpy(pending->bytes + pending->end, bytes, length);
    pending->end += length;
}

/* Returns -1 when the connection is to be closed. */
static int write_pending(int fd, struct pending *pending)
{
    while (pending->start < pending->end) {
        ssize_t written = write(fd, pending->bytes + pending->start, pending->end - pending->start);
#ifdef WITHOUT_THE_REST
        if (written >= 0 || errno == EAGAIN) {   /* also where write(2) took nothing: it may take all or nothing each time */
            pending->start = pending->end;
            break;
        }
#endif
        if (written < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        pending->start += written;
    }
    return pending->ended ? -1 : 0;
}

static int read_some(int fd, struct pending *pending)
{
    char piece[PIECE];
    ssize_t length = read(fd, piece, sizeof piece);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (length == 0) {
#ifdef WITHOUT_THE_LAST
        return -1;
#endif
        pending->ended = 1;
    } else {
        keep(pending, piece, length);
    }
    return write_pending(fd, pending);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    fds[0] = (struct pollfd){ .fd = listen_at(argv[1]), .events = POLLIN };
    fcntl(fds[0].fd, F_SETFL, fcntl(fds[0].fd, F_GETFL) | O_NONBLOCK);   /* one that was ready may have been reset meanwhile */
    for (;;) {
        for (int i = 1; i < count; i++) {
            size_t left = pendings[i].end - pendings[i].start;
            fds[i].events = (left < LIMIT && !pendings[i].ended ? POLLIN : 0) | (left > 0 ? POLLOUT : 0);
#ifdef WITHOUT_LIMIT
            if (!pendings[i].ended)
                fds[i].events |= POLLIN;
#endif
#ifdef WITH_POLLOUT_ALWAYS
            fds[i].events |= POLLOUT;
#endif
        }
        if (poll(fds, count, -1) < 0) {
            if (errno == EINTR)
                continue;
            fail("poll");
        }
        for (int i = count - 1; i > 0; i--) {
            int result = 0;
            if (fds[i].revents & POLLOUT)
                result = write_pending(fds[i].fd, &pendings[i]);
            if (result == 0 && (fds[i].revents & POLLIN))
                result = read_some(fds[i].fd, &pendings[i]);
            if (result < 0 || (fds[i].revents & (POLLERR | POLLHUP | POLLNVAL)))
                drop(i);
        }
        if (fds[0].revents & POLLIN) {
            int connection = accept(fds[0].fd, NULL, NULL);
            if (connection >= 0)
                add(connection);
        }
    }
}
