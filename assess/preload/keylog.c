/* A key log for measuring, outside the product: preloaded into a client (LD_PRELOAD), it writes the secrets of each TLS
 * session that process takes part in to the file named by ASSESS_KEYLOG, in the NSS format. The product has no such
 * switch. It works by standing in front of SSL_CTX_new and SSL_CTX_new_ex. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_line(const SSL* ssl, const char* line) {
  (void)ssl;
  const char* path = getenv("ASSESS_KEYLOG");
  if (path == NULL) return;
  const size_t size = strlen(line);
  char* text = malloc(size + 1);
  if (text == NULL) return;
  memcpy(text, line, size);
  text[size] = '\n';
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd >= 0) {
    const ssize_t written = write(fd, text, size + 1); /* one write: lines of several processes do not mix */
    (void)written;
    close(fd);
  }
  free(text);
}

static SSL_CTX* with_key_log(SSL_CTX* context) {
  if (context != NULL) SSL_CTX_set_keylog_callback(context, write_line);
  return context;
}

__attribute__((visibility("default"))) SSL_CTX* SSL_CTX_new(const SSL_METHOD* method) {
  SSL_CTX* (*real)(const SSL_METHOD*);
  *(void**)(&real) = dlsym(RTLD_NEXT, "SSL_CTX_new");
  return real == NULL ? NULL : with_key_log(real(method));
}

__attribute__((visibility("default"))) SSL_CTX* SSL_CTX_new_ex(OSSL_LIB_CTX* library, const char* properties,
                                                               const SSL_METHOD* method) {
  SSL_CTX* (*real)(OSSL_LIB_CTX*, const char*, const SSL_METHOD*);
  *(void**)(&real) = dlsym(RTLD_NEXT, "SSL_CTX_new_ex");
  return real == NULL ? NULL : with_key_log(real(library, properties, method));
}
