/* A client of RPC with TLS, RFC 9289, on OpenSSL's own API, which shares nothing with what is tested but the library:
   tls_client PORT CA [CERTIFICATE KEY]
   It asks for TLS by hand, shakes hands, calls ECHO of multiplex.x before and after it has changed its keys, says goodbye and waits for
   the server's. With WAIT in the environment it waits for the server's goodbye and says its own after that. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what)
{
    printf("failed: %s\n", what);
    ERR_print_errors_fp(stdout);
    exit(1);
}

static void receive_all(int fd, unsigned char *to, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = recv(fd, to + done, length - done, 0);
        if (count <= 0)
            fail("recv");
        done += count;
    }
}

static void read_all(SSL *ssl, unsigned char *to, int length)
{
    for (int done = 0; done < length;) {
        int count = SSL_read(ssl, to + done, length - done);
        if (count <= 0)
            fail("SSL_read");
        done += count;
    }
}

/* xid, CALL, RPC version 2, multiplex.x version 1, procedure, a credential without a body, AUTH_NONE */
static int call(unsigned char *record, unsigned xid, unsigned procedure, unsigned flavor, const char *text)
{
    unsigned length = 40 + (text ? 4 + strlen(text) : 0);
    unsigned words[11] = {0x80000000u | length, xid, 0, 2, 0x20004543, 1, procedure, flavor, 0, 0, 0};
    for (int i = 0; i < 11; i++)
        words[i] = htonl(words[i]);
    memcpy(record, words, sizeof words);
    if (text) {
        unsigned count = htonl(strlen(text));
        memcpy(record + 44, &count, 4);
        memcpy(record + 48, text, strlen(text));
    }
    return 4 + length;
}

static void echo(SSL *ssl, unsigned xid, const char *text)
{
    unsigned char record[256], reply[256], expected[256];
    int length = call(record, xid, 1, 0, text);
    if (SSL_write(ssl, record, length) != length)
        fail("SSL_write");
    unsigned words[8] = {0x80000000u | (28 + strlen(text)), xid, 1, 0, 0, 0, 0, strlen(text)};
    for (int i = 0; i < 8; i++)
        words[i] = htonl(words[i]);
    memcpy(expected, words, sizeof words);
    memcpy(expected + sizeof words, text, strlen(text));
    read_all(ssl, reply, sizeof words + strlen(text));
    if (memcmp(reply, expected, sizeof words + strlen(text)) != 0)
        fail("the reply to ECHO is another");
    printf("echo: %s\n", text);
}

int main(int argc, char **argv)
{
    static const unsigned char granted[36] = {
        0x80, 0, 0, 32, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 'S', 'T', 'A', 'R', 'T', 'T', 'L', 'S', 0, 0, 0, 0};
    unsigned char record[256], reply[36];
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        fail("connect");
    int length = call(record, 9, 0, 7, NULL);
    if (send(fd, record, length, 0) != length)
        fail("send");
    receive_all(fd, reply, sizeof reply);
    if (memcmp(reply, granted, sizeof reply) != 0)
        fail("the server does not grant TLS");
    printf("granted\n");

    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, argv[2], NULL) != 1 || SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\6sunrpc", 7) != 0)
        fail("context");
    if (argc > 4 && (SSL_CTX_use_certificate_file(context, argv[3], SSL_FILETYPE_PEM) != 1 || SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1))
        fail("certificate");
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    SSL_set1_host(ssl, "localhost");
    SSL_set_tlsext_host_name(ssl, "localhost");
    if (SSL_connect(ssl) != 1)
        fail("SSL_connect");
    const unsigned char *protocol;
    unsigned protocol_length;
    SSL_get0_alpn_selected(ssl, &protocol, &protocol_length);
    printf("%s %.*s\n", SSL_get_version(ssl), protocol_length, protocol);

    echo(ssl, 10, "over TLS");
    if (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1)
        fail("SSL_key_update");
    echo(ssl, 11, "with new keys!!!");
    printf("resumable: %d\n", SSL_SESSION_is_resumable(SSL_get0_session(ssl)));
    if (getenv("WAIT") == NULL && SSL_shutdown(ssl) < 0)
        fail("SSL_shutdown");
    int count = SSL_read(ssl, record, sizeof record);
    printf("end: %s\n", count <= 0 && SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN ? "close_notify" : "none");
    SSL_shutdown(ssl);
    close(fd);
    return 0;
}
