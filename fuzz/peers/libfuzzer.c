/*
 * The C client, unchanged, as a target of libFuzzer: the first byte of an input says which part is played, and the rest is
 * what that part reads. Where the client would end the process, it returns here; what it has allocated is then freed.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static jmp_buf ended;
static void *held[1 << 12];
static unsigned holding;

static int decoding; /* an encoder may call its input no JSON, and no request; a decoder has no third answer */

static _Noreturn void end(int status)
{
    if (decoding && status != 0 && status != 1) {
        fprintf(stderr, "the client ended with status %d\n", status);
        abort();
    }
    longjmp(ended, 1);
}

static void *hold(void *old, size_t size)
{
    unsigned at = 0;
    while (at < holding && (old == NULL || held[at] != old))
        at++;
    void *fresh = realloc(old, size ? size : 1);
    if (fresh == NULL)
        return NULL;
    if (at == sizeof held / sizeof *held)
        abort();
    held[at] = fresh;
    holding += at == holding;
    return fresh;
}

static void *hold_zeroed(size_t count, size_t size)
{
    void *fresh = hold(NULL, count * size);
    return fresh ? memset(fresh, 0, count * size) : NULL;
}

static void release(void *old)
{
    for (unsigned i = 0; old && i < holding; i++)
        if (held[i] == old) {
            held[i] = held[--holding];
            free(old);
            return;
        }
}

static FILE *nowhere;

#undef stderr
#define stderr nowhere /* where refusals are told */
#define exit(status) end(status)
#define malloc(size) hold(NULL, size)
#define calloc(count, size) hold_zeroed(count, size)
#define realloc(old, size) hold(old, size)
#define free(old) release(old)
#define main client_main
#include CLIENT
#undef main
#undef free

static int input = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    input = memfd_create("input", 0);
    nowhere = fopen("/dev/null", "w");
    if (input < 0 || dup2(input, STDIN_FILENO) < 0 || !nowhere || !freopen("/dev/null", "w", stdout))
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char *const parts[] = {"decode", "flax-decode", "encode", "flax-encode"};
    if (size == 0)
        return 0;
    if (ftruncate(input, 0) || pwrite(input, data + 1, size - 1, 0) != (ssize_t)(size - 1) || lseek(input, 0, SEEK_SET))
        abort();
    char *argv[] = {"client", (char *)parts[data[0] % 4], NULL};
    decoding = data[0] % 4 < 2;
    if (setjmp(ended) == 0)
        client_main(2, argv);
    while (holding)
        free(held[--holding]);
    return 0;
}
