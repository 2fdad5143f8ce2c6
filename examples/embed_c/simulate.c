/* A simulator in C that uses fastlif's neurons: simulate STEPS NEURONS < currents > results
 *
 * Reads STEPS rows of NEURONS currents (float). Writes the membranes of the whole run (float) and
 * its spikes (one byte each), and then the spikes of a network in which each spike of a neuron adds
 * a current to the next neuron.
 */
#include <fastlif.h>
#include <stdio.h>
#include <stdlib.h>

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        exit(EXIT_FAILURE);
    return memory;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return EXIT_FAILURE;
    ptrdiff_t steps = atol(argv[1]), n = atol(argv[2]);
    size_t total = (size_t)(steps * n);
    float *current = allocate(total, sizeof(float)), *membrane = allocate(total, sizeof(float));
    uint8_t *spikes = allocate(total, 1);
    if (fread(current, sizeof(float), total, stdin) != total)
        return EXIT_FAILURE;

    /* All steps in one call. The constants are those of the neuron that the library was built from;
     * a copy of the struct can be changed. */
    float *mem = allocate(n, sizeof(float)), *refractory = allocate(n, sizeof(float));
    int status = fastlif_cell_run_f32(&fastlif_cell_constants_f32, current, mem, refractory,
                                      membrane, spikes, NULL, steps, n);
    if (status != FASTLIF_OK)
        return status;
    fwrite(membrane, sizeof(float), total, stdout);
    fwrite(spikes, 1, total, stdout);

    /* Step by step, with synapses in between. */
    float *cur = allocate(n, sizeof(float));
    uint8_t *spk = allocate(n, 1);
    for (ptrdiff_t j = 0; j < n; j++)
        mem[j] = refractory[j] = 0;
    for (ptrdiff_t t = 0; t < steps; t++) {
        for (ptrdiff_t j = 0; j < n; j++)
            cur[j] = current[t * n + j] + 0.25f * spk[(j + n - 1) % n];
        status = fastlif_cell_step_f32(&fastlif_cell_constants_f32, cur, mem, refractory, spk, n);
        if (status != FASTLIF_OK)
            return status;
        fwrite(spk, 1, n, stdout);
    }
    return ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
