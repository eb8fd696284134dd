/* The JSON that an encoder reads. */

/*
 * A value of RFC 8259. All values stand in one list, each container before what it holds; an object holds name,
 * value, name, value. The text of a string is decoded over its own bytes, and a lone surrogate becomes three bytes
 * that are not UTF-8.
 */
struct json {
    char type;                  /* { [ " t f n, or 0 for a number */
    unsigned char *text;        /* of a string or number */
    size_t length;
    size_t count;               /* of values in the list: this one and those inside */
};

static _Noreturn void fail_json(void) {
    fputs("{\"rejected\": \"standard input is not the JSON that the protocol describes\"}\n", stderr);
    end_run(1);
}

/* The next byte that is not white space; 0 at the end, where a 0 has been put. */
static char json_peek(struct job *j) {
    while (*j->cursor && strchr(" \t\n\r", *j->cursor))
        j->cursor++;
    return (char)*j->cursor;
}

static bool json_take(struct job *j, char c) {
    bool there = json_peek(j) == c;
    j->cursor += there;
    return there;
}

/* The character that a backslash begins. */
static uint32_t json_escape(struct job *j) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const unsigned char *p = j->cursor;
    const char *letter = p[1] ? strchr(letters, p[1]) : NULL;
    int32_t c = letter ? meanings[letter - letters] : p[1] == 'u' ? hex_four(p + 2) : -1;
    if (c < 0)
        fail_json();
    j->cursor += letter ? 2 : 6;
    if (c >= 0xd800 && c < 0xdc00 && p[6] == '\\' && p[7] == 'u') {
        int32_t low = hex_four(p + 8);
        if (low >= 0xdc00 && low < 0xe000) {
            j->cursor += 6;
            c = 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00);
        }
    }
    return (uint32_t)c;
}

static void json_string(struct job *j, struct json *string) {
    unsigned char *to = string->text = ++j->cursor;
    while (*j->cursor != '"') {
        if (*j->cursor < 0x20)
            fail_json();
        if (*j->cursor == '\\')
            to += utf8_put(to, json_escape(j));
        else
            *to++ = *j->cursor++;
    }
    string->length = (size_t)(to - string->text);
    *j->cursor++ = *to = 0;
}

/* Goes over one or more digits. */
static unsigned char *json_digits(unsigned char *p) {
    size_t count = strspn((char *)p, "0123456789");
    if (!count)
        fail_json();
    return p + count;
}

static void json_number(struct job *j, struct json *number) {
    unsigned char *p = number->text = j->cursor;
    p += *p == '-';
    p = *p == '0' ? p + 1 : json_digits(p);
    if (*p == '.')
        p = json_digits(p + 1);
    if (*p == 'e' || *p == 'E')
        p = json_digits(p + 1 + (p[1] == '+' || p[1] == '-'));
    number->length = (size_t)(p - j->cursor);
    j->cursor = p;
}

/* Reads a value; those inside it by calling itself, no deeper than MAX_JSON_DEPTH. */
static void json_value(struct job *j, unsigned depth) {
    struct json value = {.type = json_peek(j)};
    size_t place = j->values.count++;
    MAKE_ROOM(&j->values, 1);
    if (value.type == '"') {
        json_string(j, &value);
    } else if (value.type == '{' || value.type == '[') {
        char close = value.type == '{' ? '}' : ']';
        if (depth == MAX_JSON_DEPTH)
            fail_json();
        j->cursor++;
        for (bool more = !json_take(j, close); more; ) {
            if (value.type == '{') {
                if (json_peek(j) != '"')
                    fail_json();
                json_value(j, depth + 1);
                if (!json_take(j, ':'))
                    fail_json();
            }
            json_value(j, depth + 1);
            more = json_take(j, ',');
            if (!more && !json_take(j, close))
                fail_json();
        }
    } else if (value.type == 't' || value.type == 'f' || value.type == 'n') {
        for (const char *c = value.type == 't' ? "true" : value.type == 'f' ? "false" : "null"; *c; c++)
            if (*j->cursor++ != (unsigned char)*c)
                fail_json();
    } else {
        value.type = 0;
        json_number(j, &value);
    }
    value.count = j->values.count - place;
    j->values.at[place] = value;
}

/* The member of an object with this name, or NULL where there is none, or none of this type (0: any). */
static struct json *member(struct json *object, const char *name, char type) {
    struct json *found = NULL;
    if (object->type != '{')
        fail_json();
    for (struct json *m = object + 1; m < object + object->count; m += 1 + m[1].count)
        if (text_is(m->text, m->length, name))
            found = m + 1;
    return found && type && found->type != type ? NULL : found;
}

static bool is_text(const struct json *j, const char *word) {
    return j && j->type == '"' && text_is(j->text, j->length, word);
}

/*
 * A text that is a number without a leading zero: 1, or 2 where it is beyond 2^64 - 1, and taken for that; else 0.
 * After a text stands something that is not a digit.
 */
static int parse_decimal(const unsigned char *text, size_t length, uint64_t *number) {
    const char *digits = (const char *)text;
    if (!length || strspn(digits, "0123456789") != length || (*digits == '0' && length > 1))
        return 0;
    errno = 0;
    *number = strtoull(digits, NULL, 10);
    return errno ? 2 : 1;
}

/* Decodes a string of hexadecimal digits over itself. */
static bool parse_hex(struct json *string) {
    if (!string || string->type != '"' || string->length % 2)
        return false;
    string->length /= 2;
    for (size_t i = 0; i < string->length; i++) {
        int high = hex_digit(string->text[2 * i]), low = hex_digit(string->text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        string->text[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
