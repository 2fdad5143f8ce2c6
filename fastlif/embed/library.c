/* The checks and the loops that all neurons of a library share. neurons.c, which includes this file,
 * is generated: it has one function per neuron and type of numbers. */
#include "fastlif.h"

#include <math.h>
#include <string.h>

enum {
    TILE = 65536,        /* neurons that a run advances through all steps at a time: stay cached */
    SCRATCH_TILE = 4096, /* the same, if their spikes go to scratch memory on the stack */
    MOST_SPANS = 32      /* arrays of one call */
};

/* One step of n neurons, compiled from the neuron's rule. */
typedef void row_step(const void *const *constants, const void *cur, void *const *states,
                      void *spk, ptrdiff_t n);

struct kind {
    row_step *levels[LEVELS]; /* the step for each level of processors */
    int constants, states;    /* how many there are */
    int each;                 /* whether every neuron has its own constants */
    size_t real, spike;       /* bytes of a number and of the spikes of a neuron */
};

struct span {
    const char *start;
    size_t bytes;
};

static int level;

__attribute__((constructor)) static void choose_level(void)
{
    level = CHOOSE_LEVEL;
}

/* Return whether one of the first `written` spans overlaps another one. */
static int some_overlap(const struct span *spans, int written, int count)
{
    for (int i = 0; i < written; i++)
        for (int k = i + 1; k < count; k++)
            if (spans[i].bytes && spans[k].bytes &&
                (uintptr_t)spans[i].start < (uintptr_t)spans[k].start + spans[k].bytes &&
                (uintptr_t)spans[k].start < (uintptr_t)spans[i].start + spans[i].bytes)
                return 1;
    return 0;
}

static struct span span(const void *start, size_t bytes)
{
    return (struct span){start, start ? bytes : 0};
}

static int run(const struct kind *kind, const void *const *constants, const void *current,
               void *const *states, void *membrane, void *spikes, int64_t *counts,
               ptrdiff_t steps, ptrdiff_t n)
{
    size_t real = kind->real, spike = kind->spike;
    if (steps < 0 || n < 0 || n > PTRDIFF_MAX / (ptrdiff_t)sizeof(int64_t) ||
        (steps > 0 && n > PTRDIFF_MAX / (ptrdiff_t)real / steps))
        return FASTLIF_SIZE;
    if (n == 0)
        return FASTLIF_OK;
    if (!current && steps > 0)
        return FASTLIF_NULL;
    for (int k = 0; k < kind->constants; k++)
        if (!constants[k])
            return FASTLIF_NULL;
    for (int k = 0; k < kind->states; k++)
        if (!states[k])
            return FASTLIF_NULL;

    struct span spans[MOST_SPANS];
    int count = 0;
    for (int k = 0; k < kind->states; k++)
        spans[count++] = span(states[k], real * n);
    spans[count++] = span(membrane, real * n * steps);
    spans[count++] = span(spikes, spike * n * steps);
    spans[count++] = span(counts, sizeof(int64_t) * n);
    int written = count;
    spans[count++] = span(current, real * n * steps);
    for (int k = 0; k < kind->constants; k++)
        spans[count++] = span(constants[k], kind->each ? real * n : real);
    if (some_overlap(spans, written, count))
        return FASTLIF_OVERLAP;

    if (counts)
        memset(counts, 0, sizeof(int64_t) * n);
    row_step *step = kind->levels[level];
    ptrdiff_t tile = spikes ? TILE : SCRATCH_TILE;
    for (ptrdiff_t first = 0; first < n; first += tile) {
        ptrdiff_t size = n - first < tile ? n - first : tile;
        const void *own[MOST_SPANS];
        void *state[MOST_SPANS];
        int32_t scratch[SCRATCH_TILE];
        for (int k = 0; k < kind->constants; k++)
            own[k] = (const char *)constants[k] + (kind->each ? first * real : 0);
        for (int k = 0; k < kind->states; k++)
            state[k] = (char *)states[k] + first * real;
        for (ptrdiff_t t = 0; t < steps; t++) {
            size_t at = t * n + first;
            void *spk = spikes ? (char *)spikes + at * spike : (void *)scratch;
            step(own, (const char *)current + at * real, state, spk, size);
            if (membrane)
                memcpy((char *)membrane + at * real, state[0], size * real);
            if (counts && spike == 1)
                for (ptrdiff_t j = 0; j < size; j++)
                    counts[first + j] += ((const uint8_t *)spk)[j];
            else if (counts)
                for (ptrdiff_t j = 0; j < size; j++)
                    counts[first + j] += ((const int32_t *)spk)[j];
        }
    }
    return FASTLIF_OK;
}

static int step(const struct kind *kind, const void *const *constants, const void *cur,
                void *const *states, void *spk, ptrdiff_t n)
{
    if (!spk && n > 0)
        return FASTLIF_NULL;
    return run(kind, constants, cur, states, NULL, spk, NULL, 1, n);
}

const char *fastlif_version(void)
{
    return FASTLIF_VERSION;
}
