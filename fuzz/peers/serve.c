/*
 * The C client, unchanged, for many inputs: each is read by a child process of its own, so that what breaks is told
 * and the next goes on. Built with the sanitizers of the compiler.
 *
 * Request on standard input: a byte (d decode, D flax-decode, e encode, E flax-encode), a length of 4 bytes, little-endian,
 * and so many bytes. Answer on standard output: the wait status, then standard output and standard error of the child,
 * each with its length before it.
 */
#define _GNU_SOURCE
#define main client_main
#include CLIENT
#undef main

#include <sys/mman.h>
#include <sys/wait.h>

static void need(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    _exit(4);
}

static void read_exactly(void *to, size_t n)
{
    for (char *p = to; n;) {
        ssize_t got = read(STDIN_FILENO, p, n);
        if (got == 0)
            _exit(0);
        need(got > 0, "read");
        p += got;
        n -= (size_t)got;
    }
}

static void write_exactly(int fd, const void *from, size_t n)
{
    for (const char *p = from; n;) {
        ssize_t put = write(fd, p, n);
        need(put > 0, "write");
        p += put;
        n -= (size_t)put;
    }
}

static void answer(int fd)
{
    uint32_t size = (uint32_t)lseek(fd, 0, SEEK_END);
    char *data = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    need(data != MAP_FAILED, "mmap");
    write_exactly(STDOUT_FILENO, &size, sizeof size);
    write_exactly(STDOUT_FILENO, data, size);
    if (size)
        munmap(data, size);
}

int main(void)
{
    static const char letters[] = "dDeE", *const parts[] = {"decode", "flax-decode", "encode", "flax-encode"};
    for (;;) {
        unsigned char part;
        uint32_t size;
        read_exactly(&part, 1);
        read_exactly(&size, sizeof size);
        char *data = malloc(size + 1);
        need(data != NULL, "malloc");
        read_exactly(data, size);
        int fds[3];
        for (int i = 0; i < 3; i++)
            need((fds[i] = memfd_create("client", 0)) >= 0, "memfd_create");
        write_exactly(fds[0], data, size);
        free(data);
        lseek(fds[0], 0, SEEK_SET);
        pid_t child = fork();
        need(child >= 0, "fork");
        if (child == 0) {
            for (int i = 0; i < 3; i++)
                dup2(fds[i], i);
            const char *found = strchr(letters, part);
            char *argv[] = {"client", (char *)parts[found ? found - letters : 0], NULL};
            exit(client_main(2, argv));
        }
        int32_t status;
        waitpid(child, &status, 0);
        write_exactly(STDOUT_FILENO, &status, sizeof status);
        answer(fds[1]);
        answer(fds[2]);
        for (int i = 0; i < 3; i++)
            close(fds[i]);
    }
}
