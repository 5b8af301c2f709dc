/* What the clients and servers of libtirpc here have in common: where they talk. */
#include <rpc/rpc.h>

/* A client of the program: kind is tcp or udp, and where a port of this machine; or unix, and where a path. Ends the process if there is none. */
CLIENT *client_over(const char *kind, const char *where, u_long program, u_long version);

/* A transport on an endpoint, tcp, udp or unix:PATH, that has printed "listening ENDPOINT", with the port that the kernel chose. Ends the process if it cannot. */
SVCXPRT *transport_on(const char *endpoint);

/* Ends the process. */
void die(const char *what);
