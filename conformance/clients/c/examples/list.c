/* Lists the key paths of a checkpoint of at most 64 MiB: list FILE */
#include <stdio.h>
#include "../streamckpt.h"

int main(int argc, char **argv) {
    static unsigned char bytes[1 << 26];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    struct sc_reader r;
    struct sc_item item;
    int result = sc_check(&r, bytes, size);
    if (result != SC_END) {
        fprintf(stderr, "refused: %s\n", result == SC_REFUSED ? r.clause : "the file is cut off");
        return 1;
    }
    for (sc_open(&r, bytes, size); sc_step(&r, bytes + r.position, r.end - r.position, &item) == SC_ITEM;)
        if (item.state == SC_KEY)
            printf("%.*s%s", (int)item.number, (char *)bytes + item.offset + item.text, r.left ? "/" : "\n");
    return 0;
}
