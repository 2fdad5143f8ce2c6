/* What fastlif is measured against: the same neuron written by hand, and as users would write it.

   Euler steps of a leaky neuron that is reset to 0 in the step that fires:
   v = u + rate*(i - u), then a spike and v = 0 if v > threshold. */
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Copy a row past the caches, in whole lines of 64 bytes. */
static void stream(char *to, const char *from, long n) {
#ifdef __x86_64__
    long k = (64 - ((uintptr_t)to & 63)) & 63;
    if (k > n) k = n;
    memcpy(to, from, k);
    for (; k + 64 <= n; k += 64)
        for (int q = 0; q < 64; q += 16)
            _mm_stream_si128((__m128i *)(to + k + q), _mm_loadu_si128((const __m128i *)(from + k + q)));
    memcpy(to + k, from + k, n - k);
#else
    memcpy(to, from, n);
#endif
}

/* Membranes and spikes of the neurons begin:end, in tiles of `width` whose state stays in a cache.
   `u` and `fired` are scratch for one tile. */
void dense(int streams, long steps, long neurons, long begin, long end, long width,
           const float *current, float *membrane, uint8_t *spikes,
           float *u, uint8_t *fired, float rate, float threshold) {
    for (long a = begin; a < end; a += width) {
        long n = (a + width < end ? a + width : end) - a;
        memset(u, 0, n * sizeof *u);
        for (long t = 0; t < steps; t++) {
            const float *restrict i = current + t * neurons + a;
            float *restrict m = membrane + t * neurons + a, *restrict w = u;
            uint8_t *restrict s = spikes + t * neurons + a, *restrict f = fired;
            if (streams) {
                for (long j = 0; j < n; j++) {
                    float v = w[j] + rate * (i[j] - w[j]);
                    uint8_t fires = v > threshold;
                    w[j] = fires ? 0.f : v;
                    f[j] = fires;
                }
                stream((char *)m, (const char *)w, n * sizeof *w);
                stream((char *)s, (const char *)f, n);
            } else {
                for (long j = 0; j < n; j++) {
                    float v = w[j] + rate * (i[j] - w[j]);
                    uint8_t fires = v > threshold;
                    v = fires ? 0.f : v;
                    w[j] = m[j] = v;
                    s[j] = fires;
                }
            }
        }
    }
#ifdef __x86_64__
    _mm_sfence();
#endif
}

/* Numbers of spikes. Four steps at a time, so that the state is loaded and stored less often. */
#define COUNT(NAME, INPUT)                                                                         \
    void NAME(long steps, long neurons, long begin, long end, long width, const INPUT *current,    \
              int32_t *counts, float *u, float rate, float threshold) {                            \
        for (long a = begin; a < end; a += width) {                                                \
            long n = (a + width < end ? a + width : end) - a;                                      \
            memset(u, 0, n * sizeof *u);                                                           \
            memset(counts + a, 0, n * sizeof *counts);                                             \
            for (long t = 0; t < steps; t += 4) {                                                  \
                const INPUT *restrict i = current + t * neurons + a;                               \
                float *restrict w = u;                                                             \
                int32_t *restrict c = counts + a;                                                  \
                int several = steps - t < 4 ? steps - t : 4;                                       \
                if (several == 4)                                                                  \
                    for (long j = 0; j < n; j++) {                                                 \
                        float v = w[j];                                                            \
                        int32_t total = c[j];                                                      \
                        for (int k = 0; k < 4; k++) {                                              \
                            v = v + rate * ((float)i[j + k * neurons] - v);                        \
                            total += v > threshold;                                                \
                            v = v > threshold ? 0.f : v;                                           \
                        }                                                                          \
                        w[j] = v;                                                                  \
                        c[j] = total;                                                              \
                    }                                                                              \
                else                                                                               \
                    for (int k = 0; k < several; k++)                                              \
                        for (long j = 0; j < n; j++) {                                             \
                            float v = w[j] + rate * ((float)i[j + k * neurons] - w[j]);            \
                            c[j] += v > threshold;                                                 \
                            w[j] = v > threshold ? 0.f : v;                                        \
                        }                                                                          \
            }                                                                                      \
        }                                                                                          \
    }
COUNT(counts_of_floats, float)
COUNT(counts_of_bytes, uint8_t)

/* The loops that most people would write. */
void with_openmp(long steps, long neurons, int threads, const float *current, float *membrane,
                 uint8_t *spikes, float *u, float rate, float threshold) {
    memset(u, 0, neurons * sizeof *u);
#pragma omp parallel num_threads(threads)
    for (long t = 0; t < steps; t++) {
#pragma omp for simd schedule(static)
        for (long j = 0; j < neurons; j++) {
            float v = u[j] + rate * (current[t * neurons + j] - u[j]);
            uint8_t fires = v > threshold;
            v = fires ? 0.f : v;
            u[j] = membrane[t * neurons + j] = v;
            spikes[t * neurons + j] = fires;
        }
    }
}
