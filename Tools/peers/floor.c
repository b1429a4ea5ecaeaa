// The floor: what one training step costs at the least on this machine with OpenBLAS. Its matrix
// products and one pass of Adam over the parameters, nothing else; us = the faster way of doing the
// products, plus Adam:
//   threaded  OpenBLAS with threads of its own, one product after the other
//   tiles     OpenBLAS with one thread, called by each of T threads for its own rows of the result,
//             a barrier after every product
//
//   floor THREADS BATCH LATENT HIDDEN...      then "round N" on standard input, one answer each
#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { pixels = 784, mostProducts = 64, mostHidden = 8, rowsOfTile = 16 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *newArray(long count, float scale) {
  float *array = aligned_alloc(64, ((size_t)count * sizeof(float) + 63) / 64 * 64);
  if (!array) {
    perror("floor");
    exit(1);
  }
  for (long i = 0; i < count; i++) array[i] = scale * (float)((i * 37 + 11) % 101 - 50);
  return array;
}

// MARK: Matrix products

/// c[m, n] = a · b; a is stored [k, m] when transposed, b [n, k].
typedef struct {
  bool transposeA, transposeB;
  int m, n, k;
  float *a, *b, *c;
} Product;

static Product products[mostProducts];
static int productCount;
static long parameterCount;
static double flops;

static void add(bool transposeA, bool transposeB, int m, int n, int k) {
  if (productCount == mostProducts) abort();
  products[productCount++] = (Product){
    transposeA, transposeB, m, n, k, newArray((long)m * k, 1e-3f), newArray((long)k * n, 1e-3f),
    newArray((long)m * n, 0)};
  flops += 2.0 * m * n * k;
}

/// A layer's products, its weight stored [out, in]: forward, dW, and dX where it is wanted.
static void addLayer(int batch, int in, int out, bool wantsInputGradient) {
  parameterCount += (long)in * out + out;
  add(false, true, batch, out, in);
  add(true, false, out, in, batch);
  if (wantsInputGradient) add(false, false, batch, in, out);
}

static void multiply(const Product *p, int from, int to) {
  if (from >= to) return;
  cblas_sgemm(
    CblasRowMajor, p->transposeA ? CblasTrans : CblasNoTrans,
    p->transposeB ? CblasTrans : CblasNoTrans, to - from, p->n, p->k, 1,
    p->transposeA ? p->a + from : p->a + (long)from * p->k, p->transposeA ? p->m : p->k, p->b,
    p->transposeB ? p->k : p->n, 0, p->c + (long)from * p->n, p->n);
}

static void multiplyAll(void) {
  for (int i = 0; i < productCount; i++) multiply(&products[i], 0, products[i].m);
}

// MARK: Threads

static int threads;
static atomic_int arrived, phase;

static void barrier(void) {
  int mine = atomic_load_explicit(&phase, memory_order_relaxed);
  if (atomic_fetch_add(&arrived, 1) == threads - 1) {
    atomic_store_explicit(&arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&phase, mine + 1, memory_order_release);
    return;
  }
  for (long spins = 0; atomic_load_explicit(&phase, memory_order_acquire) == mine; spins++) {
    // On a machine with other work the other thread may be waiting for this very core.
    if (spins > 100000) sched_yield();
  }
}

/// A thread's share of 0 ..< count, in whole tiles.
static void share(long count, long tile, int thread, long *from, long *to) {
  long tiles = (count + tile - 1) / tile;
  *from = tiles * thread / threads * tile;
  *to = tiles * (thread + 1) / threads * tile;
  if (*from > count) *from = count;
  if (*to > count) *to = count;
}

static void tilesStep(int thread) {
  for (int i = 0; i < productCount; i++) {
    long from, to;
    share(products[i].m, rowsOfTile, thread, &from, &to);
    multiply(&products[i], (int)from, (int)to);
    barrier();
  }
}

static float *parameters, *gradients, *firstMoments, *secondMoments;

static void adamStep(int thread) {
  long from, to;
  share(parameterCount, 64, thread, &from, &to);
  float *restrict p = parameters, *restrict m = firstMoments, *restrict v = secondMoments;
  const float *restrict gradient = gradients;
  for (long i = from; i < to; i++) {
    float g = gradient[i];
    m[i] = 0.9f * m[i] + 0.1f * g;
    v[i] = 0.999f * v[i] + 0.001f * g * g;
    p[i] -= 1e-3f * m[i] / (sqrtf(v[i]) + 1e-8f);
  }
  barrier();
}

typedef struct {
  void (*step)(int thread);
  long count;
  int thread;
  double seconds;
} Work;

static void *work(void *argument) {
  Work *work = argument;
  for (long i = 0; i < work->count / 4 + 1; i++) work->step(work->thread);
  barrier();
  double start = now();
  for (long i = 0; i < work->count; i++) work->step(work->thread);
  work->seconds = now() - start;
  return NULL;
}

/// Seconds a step, by all threads.
static double timeSteps(void (*step)(int), long count) {
  pthread_t handles[threads];
  Work works[threads];
  for (int t = threads - 1; t >= 0; t--) {
    works[t] = (Work){step, count, t, 0};
    if (t > 0 && pthread_create(&handles[t], NULL, work, &works[t]) != 0) {
      perror("floor");
      exit(1);
    }
  }
  work(&works[0]);
  for (int t = 1; t < threads; t++) pthread_join(handles[t], NULL);
  return works[0].seconds / (double)count;
}

static double timeThreaded(long count) {
  for (long i = 0; i < count / 4 + 1; i++) multiplyAll();
  double start = now();
  for (long i = 0; i < count; i++) multiplyAll();
  return (now() - start) / (double)count;
}

// MARK: Main

int main(int argc, char **argv) {
  int hiddenCount = argc - 4, hidden[mostHidden];
  threads = argc > 1 ? atoi(argv[1]) : 0;
  int batch = argc > 2 ? atoi(argv[2]) : 0, latent = argc > 3 ? atoi(argv[3]) : 0;
  if (threads < 1 || batch < 1 || latent < 1 || hiddenCount < 1 || hiddenCount > mostHidden) {
    fprintf(stderr, "usage: floor THREADS BATCH LATENT HIDDEN...\n");
    return 64;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < hiddenCount; i++) hidden[i] = atoi(argv[4 + i]);

  int width = pixels;
  for (int i = 0; i < hiddenCount; i++) {
    addLayer(batch, width, hidden[i], i > 0);
    width = hidden[i];
  }
  addLayer(batch, width, 2 * latent, true);  // mu and logvar share their input: one product
  width = latent;
  for (int i = hiddenCount - 1; i >= 0; i--) {
    addLayer(batch, width, hidden[i], true);
    width = hidden[i];
  }
  addLayer(batch, width, pixels, true);
  parameters = newArray(parameterCount, 1e-3f);
  gradients = newArray(parameterCount, 1e-3f);
  firstMoments = newArray(parameterCount, 1e-3f);
  secondMoments = newArray(parameterCount, 0);

  printf(
    "{\"version\": \"%s\", \"products\": %d, \"parameters\": %ld}\n", openblas_get_config(),
    productCount, parameterCount);
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    long steps = strtol(line + 5, NULL, 10);
    openblas_set_num_threads(threads);
    double threaded = timeThreaded(steps);
    openblas_set_num_threads(1);
    usleep(100000);  // OpenBLAS's own threads spin for a while after their last product
    double tiles = timeSteps(tilesStep, steps);
    double adam = timeSteps(adamStep, steps);
    double best = threaded < tiles ? threaded : tiles;
    printf(
      "{\"us\": %.2f, \"steps\": %ld, \"threaded\": %.2f, \"tiles\": %.2f, \"adam\": %.2f, "
      "\"gflops\": %.1f}\n",
      (best + adam) * 1e6, steps, threaded * 1e6, tiles * 1e6, adam * 1e6, flops / best / 1e9);
    fflush(stdout);
  }
}
