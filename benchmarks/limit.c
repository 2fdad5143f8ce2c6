/* Lapicque's neuron with its state in vector registers: no memory traffic between time steps. */
#define LANES (VECTOR / 4)
typedef float real __attribute__((vector_size(VECTOR)));
typedef int whole __attribute__((vector_size(VECTOR)));
void counts(const float *current, int *out, long neurons, long steps,
            float R, float C, float dt, float threshold) {
    real theta = (real){} + threshold, keep = (real){} + (1 - dt / (R * C));
    for (long j = 0; j + 8 * LANES <= neurons; j += 8 * LANES) {
        real u[8], x[8]; whole n[8];
        for (int q = 0; q < 8; q++) {
            u[q] = (real){}; n[q] = (whole){};
            for (int k = 0; k < LANES; k++) x[q][k] = current[j + q * LANES + k];
            x[q] = x[q] * R * (1 / (R * C)) * dt;
        }
        for (long t = 0; t < steps; t++)
            for (int q = 0; q < 8; q++) {
                real b = x[q] + keep * u[q];
                u[q] = b - (real)((u[q] > theta) & (whole)theta);
                n[q] -= u[q] > theta;
            }
        for (int q = 0; q < 8; q++)
            for (int k = 0; k < LANES; k++) out[j + q * LANES + k] = n[q][k];
    }
}
