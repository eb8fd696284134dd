/*
 * The C client, unchanged, as a target of libFuzzer: the first byte of an input says which part is played, and the rest is
 * what that part reads, once as a file and once as a pipe. What it prints goes nowhere.
 */
#define _GNU_SOURCE
#include <stdio.h>

static FILE *nowhere;
#undef stderr
#define stderr nowhere
#define main client_main
#include CLIENT
#undef main
#undef stderr

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    nowhere = fopen("/dev/null", "wb");
    return nowhere ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int pipe = 0; size > 1 && pipe < 2; pipe++) {
        enum part part = (enum part)(data[0] % 4);
        FILE *in = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "rb");
        if (!in)
            return 0;
        int status = run(part, in, pipe ? UNKNOWN : size - 1, nowhere);
        fclose(in);
        if (part < ENCODE && status > 1)    /* an encoder may call its input no request; a decoder has two answers */
            __builtin_trap();
    }
    return 0;
}
