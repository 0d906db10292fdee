/* The innermost loops. Each takes the plain case only and leaves everything else to Python; without them, where they
   could not be built, everything works the same, more slowly (ADR 0017). */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
#define WIDE __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"))) /* as the processor can */
#else
#define WIDE
#endif

/* ---------------------------------------------------------------- parse: see rows/decimals.py

   Short decimal numbers out of delimited text, column by column. Taken is only what can be read exactly: an optional
   minus, digits, in a fractional column a point; a number whose digits fit 53 bits and that has at most 22 decimals
   is one division of two exact doubles, which IEEE 754 rounds correctly (Clinger 1990, the fast path of every
   strtod). */

#define MAX_EXACT (UINT64_C(1) << 53)
#define MAX_DECIMALS 22

static const double POWERS[MAX_DECIMALS + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Eight bytes at a time: a word holds them, the first one lowest. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH EACH(0x80)

static inline uint64_t word_at(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The high bit of each byte that is zero, and no other. */
static inline uint64_t zeros(uint64_t word) { return ~(((word & ~HIGH) + ~HIGH) | word) & HIGH; }

static inline int lowest(uint64_t bits) { /* the number of zeros below the lowest of some bits */
#if defined(__GNUC__)
    return __builtin_ctzll(bits);
#else
    int count = 0;
    for (; !(bits & 1); bits >>= 1) count++;
    return count;
#endif
}

/* Read the number between `at` and `end`; returns 0 if it cannot be read exactly, or is not of the kind: 'f' has a
   point, 'i' has none, 'c' is written as Python would write it. */
static int long_number(const char *at, const char *end, char kind, double *value) {
    uint64_t digits = 0;
    unsigned digit;
    int fractional = kind == 'f', negative = at < end && *at == '-';
    const char *start = at += negative, *point = NULL;
    for (; at < end; at++) {
        if ((digit = (unsigned)(unsigned char)*at - '0') <= 9) {
            digits = digits * 10 + digit;
            if (digits > MAX_EXACT) return 0;
        } else if (*at == '.' && fractional && point == NULL) {
            point = at;
        } else {
            return 0;
        }
    }
    if (at - start == (point != NULL) || fractional != (point != NULL)) return 0;
    if (kind == 'c' && *start == '0' && (negative || at - start > 1)) return 0;
    Py_ssize_t decimals = point == NULL ? 0 : at - point - 1;
    if (decimals > MAX_DECIMALS) return 0;
    double result = (double)digits / POWERS[decimals];
    *value = negative ? -result : result;
    return 1;
}

/* The same if it has at most eight characters besides the minus, which is usual: all at once and hardly a branch
   (Lemire 2018, "Quickly parsing eight digits"). The eight bytes before `end` must be readable. */
static inline int short_number(const char *at, const char *end, char kind, double *value) {
    if (at == end) return 0;
    uint64_t negative = *at == '-', decimals = 0, length = (uint64_t)(end - at) - negative;
    if (length - 1 >= 8) return long_number(at, end, kind, value);
    /* Digits become 0 to 9, and what stands in front of the number zeros. */
    uint64_t word = (word_at(end - 8) ^ EACH('0')) & ~UINT64_C(0) << (64 - 8 * length);
    if (kind == 'f') {
        uint64_t point = zeros(word ^ EACH('.' ^ '0'));
        if (point == 0 || length == 1) return 0;
        uint64_t upto = point ^ (point - 1); /* all bytes up to the first point */
        word = (word & (upto >> 8)) << 8 | (word & ~upto);
        decimals = 7 - (uint64_t)lowest(point) / 8;
    } else if (kind == 'c' && (negative | (length > 1)) && at[negative] == '0') {
        return 0;
    }
    if (((word + EACH(0x76)) | word) & HIGH) return 0;
    word = word * 10 + (word >> 8);
    word = ((word & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064) +
            (word >> 16 & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x0000271000000001)) >> 32;
    double result = (double)(int64_t)word / POWERS[decimals];
    memcpy(&word, &result, sizeof word);
    word |= negative << 63; /* signs come at random: a branch would be mispredicted */
    memcpy(value, &word, sizeof word);
    return 1;
}

/* A bit for each of 64 bytes that ends a field. */
static inline uint64_t ends_among(const char *bytes, char delimiter) {
    uint64_t ends = 0;
#if defined(__SSE2__)
    __m128i comma = _mm_set1_epi8(delimiter), line = _mm_set1_epi8('\n');
    for (int i = 0; i < 4; i++) {
        __m128i some = _mm_loadu_si128((const __m128i *)(bytes + 16 * i));
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(some, comma), _mm_cmpeq_epi8(some, line));
        ends |= (uint64_t)(unsigned)_mm_movemask_epi8(found) << 16 * i;
    }
#else
    for (int i = 0; i < 8; i++) {
        uint64_t word = word_at(bytes + 8 * i);
        uint64_t found = zeros(word ^ EACH('\n')) | zeros(word ^ EACH((unsigned char)delimiter));
        ends |= ((found >> 7) * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
    }
#endif
    return ends;
}

/* Where fields end, found for 64 bytes at once, so that no number waits for the one before it. */
typedef struct {
    const char *at, *end; /* of the bytes that are yet to be looked at */
    const char *block;    /* what was looked at last */
    uint64_t ends;        /* a bit for each of its bytes that ends a field, until it was returned */
} Fields;

/* Look at the next bytes; returns 0 if there are none. The last field ends where the text does. */
static inline int look(Fields *fields, char delimiter) {
    Py_ssize_t left = fields->end - fields->at;
    if (left < 0) return 0;
    fields->block = fields->at;
    if (left >= 64) {
        fields->ends = ends_among(fields->at, delimiter);
        fields->at += 64;
    } else {
        char last[64] = {0};
        memcpy(last, fields->at, (size_t)left);
        last[left] = '\n';
        fields->ends = ends_among(last, delimiter);
        fields->at = fields->end + 1;
    }
    return 1;
}

/* Returns -1 and the length of the rest, or the column at which the text is not as expected. */
WIDE static Py_ssize_t parse_text(const char *text, Py_ssize_t length, char delimiter, const char *kinds,
                                  Py_ssize_t columns, double *numbers, Py_ssize_t stride, Py_ssize_t rows,
                                  char *rest, Py_ssize_t *rest_length) {
    const char *at = text;
    char *out = rest;
    Fields fields = {.at = text, .end = text + length};
    for (Py_ssize_t row = 0; row < rows; row++) {
        double *place = numbers + row;
        for (Py_ssize_t column = 0; column < columns; column++) {
            while (fields.ends == 0)
                if (!look(&fields, delimiter)) return column;
            const char *end = fields.block + lowest(fields.ends);
            fields.ends &= fields.ends - 1;
            int last = column + 1 == columns;
            if (last != (end == fields.end || *end == '\n')) return column;
            if (kinds[column] == 't') {
                memcpy(out, at, (size_t)(end - at));
                out += end - at;
                *out++ = delimiter;
            } else {
                if (end - text < 8 ? !long_number(at, end, kinds[column], place)
                                   : !short_number(at, end, kinds[column], place))
                    return column;
                place += stride;
            }
            at = end + 1;
        }
        if (out > rest) out[-1] = '\n';
    }
    *rest_length = out - rest;
    return at == fields.end + 1 ? -1 : columns - 1;
}

static PyObject *parse(PyObject *self, PyObject *arguments) {
    Py_buffer text, kinds, numbers, rest;
    int delimiter;
    Py_ssize_t rows, stride, column = -1, rest_length = 0, counted = 0;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*Cy*w*nnw*", &text, &delimiter, &kinds, &numbers, &stride, &rows, &rest))
        return NULL;
    for (Py_ssize_t i = 0; i < kinds.len; i++) counted += ((const char *)kinds.buf)[i] != 't';
    int sound = delimiter > 0 && delimiter < 128 && rows > 0 && stride >= rows && kinds.len > 0 &&
                (counted == 0 || stride <= numbers.len / (Py_ssize_t)sizeof(double) / counted) &&
                (counted == kinds.len || rest.len > text.len);
    if (sound) {
        Py_BEGIN_ALLOW_THREADS
        column = parse_text(text.buf, text.len, (char)delimiter, kinds.buf, kinds.len, numbers.buf, stride, rows,
                            rest.buf, &rest_length);
        Py_END_ALLOW_THREADS
    } else {
        PyErr_SetString(PyExc_ValueError, "the buffers do not fit the text");
    }
    PyBuffer_Release(&text);
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&rest);
    return sound ? Py_BuildValue("nn", column, rest_length) : NULL;
}

/* ---------------------------------------------------------------- scan: see rows/skeleton.py

   Lines that differ in some texts only. What stands around the texts must be there byte by byte; the texts may hold
   what needs no second look, neither in JSON nor in UTF-8: ASCII without control characters and backslashes. A payload
   must be filled as well and not begin with a blank; it may end in one escaped line end, which is left out. */

#define MAX_TEXTS 16

typedef struct {
    const char *piece; /* what stands in front of the text; behind the last one, what ends the line */
    Py_ssize_t length;
    char kind;       /* 'p' payload, 't' another text that is wanted, 's' one to skip */
    PyObject *lines; /* a bytearray: the texts so far, each with a line end, if they are wanted */
    char *out;       /* where the next goes */
} Text;

/* Return where a text ends that begins at `at`: at the first byte that it may not hold. */
static const char *text_end(const char *at, const char *end) {
    uint64_t word;
#if defined(__SSE2__)
    __m128i control = _mm_set1_epi8(0x20), quotes = _mm_set1_epi8('"'), escapes = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i some = _mm_loadu_si128((const __m128i *)at);
        /* Signed: what lies beyond ASCII is negative, and so below the blank as well. */
        __m128i special = _mm_or_si128(_mm_cmplt_epi8(some, control), _mm_cmpeq_epi8(some, quotes));
        int mask = _mm_movemask_epi8(_mm_or_si128(special, _mm_cmpeq_epi8(some, escapes)));
        if (mask) return at + __builtin_ctz((unsigned)mask);
    }
#endif
    for (; end - at >= (Py_ssize_t)sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        uint64_t quote = word ^ EACH('"'), backslash = word ^ EACH('\\');
        /* The high bit of a byte is set if it is special; perhaps that of its neighbours too, never of none. */
        if ((word | (word - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1))) & EACH(0x80)) break;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\') at++;
    return at;
}

/* Take the text at `at`; returns where its closing quote stands, NULL if it is not as it should be. */
static const char *take(Text *text, const char *at, const char *end) {
    const char *stop = text_end(at, end);
    Py_ssize_t size = stop - at;
    if (text->kind == 'p') {
        if (size == 0 || *at == ' ') return NULL;
        if (end - stop >= 4 && memcmp(stop, "\\r\\n", 4) == 0) stop += 4;
        else if (end - stop >= 2 && memcmp(stop, "\\n", 2) == 0) stop += 2;
    }
    if (stop == end || *stop != '"') return NULL;
    if (text->kind != 's') {
        memcpy(text->out, at, (size_t)size); /* there is room: the quote becomes the line end */
        text->out += size;
        *text->out++ = '\n';
    }
    return stop;
}

/* Return the number of lines, -1 if one is not like the others. */
static Py_ssize_t scan_lines(const char *at, Py_ssize_t length, Text *texts, Py_ssize_t count) {
    const char *end = at + length;
    Py_ssize_t lines = 0;
    for (; at < end; lines++) {
        for (Text *text = texts;; text++) {
            if (end - at < text->length || memcmp(at, text->piece, (size_t)text->length)) return -1;
            at += text->length;
            if (text == texts + count) break;
            if ((at = take(text, at, end)) == NULL) return -1;
        }
        if (at < end && *at++ != '\n') return -1;
    }
    return lines;
}

/* Fill in what to look for and make room for what is found; returns 0 with an exception if that fails. */
static int prepare(Text *texts, Py_ssize_t count, PyObject *pieces, const char *kinds, Py_ssize_t length) {
    for (Py_ssize_t i = 0; i <= count; i++) {
        char *piece;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(pieces, i), &piece, &texts[i].length) < 0) return 0;
        texts[i].piece = piece;
        texts[i].kind = i < count ? kinds[i] : 's';
        if (texts[i].kind == 's') continue;
        if ((texts[i].lines = PyByteArray_FromStringAndSize(NULL, length)) == NULL) return 0;
        texts[i].out = PyByteArray_AsString(texts[i].lines);
    }
    return 1;
}

/* Return the number of lines and the wanted texts, lines without the last one's end. */
static PyObject *found(Text *texts, Py_ssize_t count, Py_ssize_t lines) {
    PyObject *list = PyList_New(0), *result = NULL;
    int sound = list != NULL;
    for (Py_ssize_t i = 0; i < count && sound; i++) {
        if (texts[i].kind == 's') continue;
        Py_ssize_t size = texts[i].out - PyByteArray_AsString(texts[i].lines) - 1;
        sound = PyByteArray_Resize(texts[i].lines, size) == 0 && PyList_Append(list, texts[i].lines) == 0;
    }
    if (sound) result = Py_BuildValue("nO", lines, list);
    Py_XDECREF(list);
    return result;
}

static PyObject *scan(PyObject *self, PyObject *arguments) {
    PyObject *data, *pieces, *result = NULL;
    const char *kinds;
    char *start;
    Py_ssize_t length, count, lines;
    Text texts[MAX_TEXTS + 1] = {{0}};
    (void)self;
    if (!PyArg_ParseTuple(arguments, "SO!y#", &data, &PyTuple_Type, &pieces, &kinds, &count)) return NULL;
    if (count > MAX_TEXTS || PyTuple_Size(pieces) != count + 1) {
        PyErr_SetString(PyExc_ValueError, "there must be one piece more than texts, and no more texts than 16");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(data, &start, &length) == 0 && prepare(texts, count, pieces, kinds, length)) {
        Py_BEGIN_ALLOW_THREADS
        lines = scan_lines(start, length, texts, count);
        Py_END_ALLOW_THREADS
        result = lines > 0 ? found(texts, count, lines) : Py_NewRef(Py_None);
    }
    for (Py_ssize_t i = 0; i < count; i++) Py_XDECREF(texts[i].lines);
    return result;
}

/* ---------------------------------------------------------------- line_ends: see capture/ranges.py */

static PyObject *line_ends(PyObject *self, PyObject *data) {
    char *at;
    Py_ssize_t length, count = 0;
    (void)self;
    if (PyBytes_AsStringAndSize(data, &at, &length) < 0) return NULL;
    const char *end = at + length;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        count++;
    }
    return PyLong_FromSsize_t(count);
}

/* ---------------------------------------------------------------- line: see rows/texts.py

   The texts of a dict, joined by a separator, if its keys are the expected ones: `names` holds these, `count` of them,
   in their order and each followed by the separator. */

#define SEPARATOR '\x1f'
#define MAX_LINE 65536

static const char *utf8(PyObject *text, Py_ssize_t *size) {
    return PyUnicode_CheckExact(text) ? PyUnicode_AsUTF8AndSize(text, size) : NULL;
}

/* Whether a line of `fields` fields has no more separators than that, and no line ends. */
static int is_whole(const char *line, Py_ssize_t length, Py_ssize_t fields) {
    Py_ssize_t separators = 0, ends = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        separators += line[i] == SEPARATOR;
        ends += (line[i] == '\n') | (line[i] == '\r');
    }
    return separators == fields && ends == 0;
}

static PyObject *line(PyObject *self, PyObject *arguments) {
    PyObject *mapping, *key, *value;
    const char *names, *text;
    Py_ssize_t length, count, size, width, position = 0;
    char buffer[MAX_LINE], *out = buffer;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O!y#n", &PyDict_Type, &mapping, &names, &length, &count)) return NULL;
    if (count == 0 || PyDict_Size(mapping) != count) Py_RETURN_NONE;
    const char *name = names, *end = names + length;
    while (PyDict_Next(mapping, &position, &key, &value)) {
        text = utf8(key, &width);
        if (text == NULL || width >= end - name || name[width] != SEPARATOR || memcmp(text, name, (size_t)width)) break;
        text = utf8(value, &size);
        if (text == NULL || size >= buffer + MAX_LINE - out) break;
        memcpy(out, text, (size_t)size);
        out += size;
        *out++ = SEPARATOR;
        name += width + 1; /* only now: at its end, all values were taken */
    }
    PyErr_Clear(); /* of a text that is none of UTF-8 */
    if (name != end || !is_whole(buffer, out - buffer, count)) Py_RETURN_NONE;
    return PyBytes_FromStringAndSize(buffer, out - buffer - 1);
}

/* ---------------------------------------------------------------- unseen: see profiling/distinct.py

   The hashes of doubles, as `hash_numbers` gives them, that are at most `most` and do not stand in `recent`, a table
   with a place per leading bits; they stand there afterwards. */

#define RECENT_BITS 12


#define HASHES 256 /* at once */

WIDE static void hash(const double *numbers, Py_ssize_t count, uint64_t *hashes) {
    for (Py_ssize_t i = 0; i < count; i++) {
        uint64_t bits;
        double value = numbers[i] + 0.0; /* of two zeros one */
        memcpy(&bits, &value, sizeof bits);
        bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
        hashes[i] = bits ^ (bits >> 31);
    }
}

/* Keep the hashes that are at most `most`, and put them in front; returns how many. */
static Py_ssize_t keep(uint64_t *hashes, Py_ssize_t count, uint64_t most) {
    Py_ssize_t kept = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        uint64_t hash = hashes[i];
        hashes[kept] = hash;
        kept += hash <= most; /* they come at random: a branch would be mispredicted */
    }
    return kept;
}

static PyObject *unseen(PyObject *self, PyObject *arguments) {
    Py_buffer numbers, recent, out;
    unsigned long long most;
    Py_ssize_t count = -1;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*Kw*w*", &numbers, &most, &recent, &out)) return NULL;
    Py_ssize_t values = numbers.len / (Py_ssize_t)sizeof(double);
    if (recent.len == ((Py_ssize_t)sizeof(uint64_t) << RECENT_BITS) && out.len >= numbers.len) {
        const double *number = numbers.buf;
        uint64_t *table = recent.buf, *place = out.buf;
        count = 0;
        uint64_t hashes[HASHES];
        for (Py_ssize_t start = 0; start < values; start += HASHES) {
            Py_ssize_t some = values - start < HASHES ? values - start : HASHES;
            hash(number + start, some, hashes);
            some = keep(hashes, some, most);
            for (Py_ssize_t i = 0; i < some; i++) {
                uint64_t *slot = table + (hashes[i] >> (64 - RECENT_BITS));
                if (*slot != hashes[i]) place[count++] = *slot = hashes[i];
            }
        }
    } else {
        PyErr_SetString(PyExc_ValueError, "the buffers do not fit the numbers");
    }
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&recent);
    PyBuffer_Release(&out);
    return count < 0 ? NULL : PyLong_FromSsize_t(count);
}

/* ---------------------------------------------------------------- unique: see profiling/distinct.py

   Of ascending hashes each once, put in front. */

static PyObject *unique(PyObject *self, PyObject *arguments) {
    Py_buffer hashes;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "w*", &hashes)) return NULL;
    uint64_t *hash = hashes.buf;
    Py_ssize_t values = hashes.len / (Py_ssize_t)sizeof(uint64_t), count = 0;
    for (Py_ssize_t i = 0; i < values; i++) {
        uint64_t one = hash[i];
        hash[count] = one;
        count += i + 1 == values || one != hash[i + 1]; /* no branch here either */
    }
    PyBuffer_Release(&hashes);
    return PyLong_FromSsize_t(count);
}

static PyMethodDef methods[] = {
    {"unique", unique, METH_VARARGS, "See profiling/distinct.py."},
    {"unseen", unseen, METH_VARARGS, "See profiling/distinct.py."},
    {"parse", parse, METH_VARARGS, "See rows/decimals.py."},
    {"scan", scan, METH_VARARGS, "See rows/skeleton.py."},
    {"line_ends", line_ends, METH_O, "See capture/ranges.py."},
    {"line", line, METH_VARARGS, "See rows/texts.py."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_loops", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__loops(void) { return PyModuleDef_Init(&module); }
