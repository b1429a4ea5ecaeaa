// Register programs over blocks (see the header).
#include "ak_block_program.h"

#include <string.h>

#include "ak_elementwise_binary.h"

AK_STRICT_FLOAT

typedef void (*ak_unary_loop)(const void *, void *, int64_t);
typedef void (*ak_binary_loop)(const ak_walk *, const void *, const void *, void *, int64_t,
                               int64_t);
typedef void (*ak_ternary_loop)(const ak_walk *, const void *, const void *, const void *, void *,
                                int64_t, int64_t);
typedef void (*ak_quaternary_loop)(const ak_walk *, const void *, const void *, const void *,
                                   const void *, void *, int64_t, int64_t);

// The part of the space that is being computed.
typedef struct {
  int64_t row, height, column, width;
} ak_block;

// A value's part of a block: strides in elements, 0 where it is broadcast.
typedef struct {
  char *base;
  int64_t row_stride, column_stride;
} ak_view;

AK_INLINE ak_view ak_view_of(const ak_place *p, const ak_block *b, char *scratch) {
  ak_view v;
  v.column_stride = p->columns;
  if (p->memory) {
    v.row_stride = p->rows ? p->stride : 0;
    const int64_t first = (p->rows ? b->row * p->stride : 0) + (p->columns ? b->column : 0);
    v.base = p->memory + first * p->size;
  } else {
    v.row_stride = !p->rows ? 0 : p->columns ? b->width : 1;
    v.base = scratch + p->slot;
  }
  return v;
}

// MARK: sums

// Adds x[0 ..< n], of which x[0] is the element number `position` of its line.
#define AK_SUM(S, T) \
  AK_CLONES static void ak_add_line_##S(double *lanes, int64_t position, const T *x, int64_t n) { \
    int64_t i = 0; \
    for (; i < n && (position + i) % AK_SUM_LANES != 0; i++) \
      lanes[(position + i) % AK_SUM_LANES] += (double)x[i]; \
    double lane[AK_SUM_LANES]; \
    for (int l = 0; l < AK_SUM_LANES; l++) lane[l] = lanes[l]; \
    for (; i + AK_SUM_LANES <= n; i += AK_SUM_LANES) \
      for (int l = 0; l < AK_SUM_LANES; l++) lane[l] += (double)x[i + l]; \
    for (int l = 0; i + l < n; l++) lane[l] += (double)x[i + l]; \
    for (int l = 0; l < AK_SUM_LANES; l++) lanes[l] = lane[l]; \
  } \
  AK_CLONES static void ak_add_rows_##S(double *sums, const T *x, int64_t rows, int64_t columns, \
                                        int64_t stride) { \
    int64_t r = 0; \
    for (; r + 4 <= rows; r += 4) { \
      const T *p0 = x + r * stride, *p1 = p0 + stride, *p2 = p1 + stride, *p3 = p2 + stride; \
      AK_VECTOR for (int64_t c = 0; c < columns; c++) \
        sums[c] = (((sums[c] + (double)p0[c]) + (double)p1[c]) + (double)p2[c]) + (double)p3[c]; \
    } \
    for (; r < rows; r++) { \
      const T *p = x + r * stride; \
      AK_VECTOR for (int64_t c = 0; c < columns; c++) sums[c] += (double)p[c]; \
    } \
  }

AK_SUM(f32, float)
AK_SUM(f64, double)

static double ak_total(const double *lanes) {
  double lane[AK_SUM_LANES];
  for (int l = 0; l < AK_SUM_LANES; l++) lane[l] = lanes[l];
  for (int half = AK_SUM_LANES / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
  return lane[0];
}

static void ak_add_line(int32_t size, double *lanes, int64_t position, const char *x, int64_t n) {
  if (size == 4)
    ak_add_line_f32(lanes, position, (const float *)x, n);
  else
    ak_add_line_f64(lanes, position, (const double *)x, n);
}

static void ak_store_sum(const ak_instruction *in, double total, int64_t index) {
  // An empty mean is NaN, as 0 / 0 is.
  const double value = in->divisor == 1 ? total : total / in->divisor;
  if (in->result.size == 4)
    ((float *)in->result.memory)[index] = (float)value;
  else
    ((double *)in->result.memory)[index] = value;
}

static void ak_sum_block(const ak_block_program *p, const ak_instruction *in, double *sums,
                         const ak_block *b, char *scratch) {
  const ak_view x = ak_view_of(&in->operand[0], b, scratch);
  const int32_t size = in->operand[0].size;
  switch (in->kind) {
  case AK_SUM_ALL: {
    const int64_t position = b->row * p->columns + b->column;
    if (x.row_stride == b->width || b->height == 1) {
      ak_add_line(size, sums, position, x.base, b->height * b->width);
    } else {
      for (int64_t r = 0; r < b->height; r++)
        ak_add_line(size, sums, position + r * p->columns, x.base + r * x.row_stride * size,
                    b->width);
    }
    break;
  }
  case AK_SUM_ROWS:
    if (size == 4)
      ak_add_rows_f32(sums + b->column, (const float *)x.base, b->height, b->width, x.row_stride);
    else
      ak_add_rows_f64(sums + b->column, (const double *)x.base, b->height, b->width, x.row_stride);
    break;
  default:
    for (int64_t r = 0; r < b->height; r++) {
      if (b->column == 0) memset(sums, 0, AK_SUM_LANES * sizeof(double));
      ak_add_line(size, sums, b->column, x.base + r * x.row_stride * size, b->width);
      if (b->column + b->width == p->columns) ak_store_sum(in, ak_total(sums), b->row + r);
    }
  }
}

// MARK: elementwise

// The walk over a block, as one row where every operand allows.
AK_INLINE int64_t ak_walk_of(ak_walk *w, const ak_view *v, int operands, const ak_block *b) {
  bool flat = true;
  if (b->height > 1)
    for (int k = 0; k < operands; k++) flat &= v[k].row_stride == b->width * v[k].column_stride;
  w->rank = flat ? 1 : 2;
  w->shape[0] = flat ? b->height * b->width : b->height;
  w->shape[1] = b->width;
  for (int k = 0; k < operands; k++) {
    w->stride[k][0] = flat ? v[k].column_stride : v[k].row_stride;
    w->stride[k][1] = v[k].column_stride;
  }
  return flat ? 1 : b->height;
}

static void ak_copy_block(const ak_instruction *in, const ak_view *x, const ak_view *y,
                          const ak_block *b) {
  const size_t size = (size_t)in->result.size;
  for (int64_t r = 0; r < b->height; r++) {
    const char *from = x->base + r * x->row_stride * (int64_t)size;
    char *to = y->base + r * y->row_stride * (int64_t)size;
    if (x->column_stride == 1) {
      memcpy(to, from, (size_t)b->width * size);
    } else {
      for (int64_t c = 0; c < b->width; c++) memcpy(to + c * (int64_t)size, from, size);
    }
  }
}

// How many operands a kind of loop has.
AK_INLINE int ak_operands(int32_t kind) {
  switch (kind) {
  case AK_LOOP_BINARY: return 2;
  case AK_LOOP_TERNARY: return 3;
  case AK_LOOP_QUATERNARY: return 4;
  default: return 1;
  }
}

// Calls the loop for a block whose result lies in one piece.
static void ak_call_loop(const ak_instruction *in, const ak_view *v, char *y, const ak_block *b) {
  ak_walk w;
  const int64_t rows = ak_walk_of(&w, v, ak_operands(in->kind), b);
  switch (in->kind) {
  case AK_LOOP_UNARY:
    for (int64_t r = 0; r < rows; r++)
      ((ak_unary_loop)in->loop)(v[0].base + r * w.stride[0][0] * in->operand[0].size,
                                y + r * b->width * in->result.size, w.shape[w.rank - 1]);
    break;
  case AK_LOOP_BINARY:
    ((ak_binary_loop)in->loop)(&w, v[0].base, v[1].base, y, 0, rows);
    break;
  case AK_LOOP_TERNARY:
    ((ak_ternary_loop)in->loop)(&w, v[0].base, v[1].base, v[2].base, y, 0, rows);
    break;
  default:
    ((ak_quaternary_loop)in->loop)(&w, v[0].base, v[1].base, v[2].base, v[3].base, y, 0, rows);
  }
}

static void ak_run_instruction(const ak_instruction *in, const ak_block *whole, char *scratch) {
  // A result that is the same in all rows or columns is computed once for the block.
  ak_block b = *whole;
  const ak_view y = ak_view_of(&in->result, &b, scratch);
  ak_view v[4];
  if (!in->result.rows) b.height = 1;
  if (!in->result.columns) b.width = 1;
  const int operands = ak_operands(in->kind);
  for (int k = 0; k < operands; k++) v[k] = ak_view_of(&in->operand[k], whole, scratch);
  if (in->kind == AK_COPY) {
    ak_copy_block(in, &v[0], &y, &b);
  } else if (b.height == 1 || y.row_stride == b.width) {
    ak_call_loop(in, v, y.base, &b);
  } else {
    const int64_t height = b.height;
    b.height = 1;
    for (int64_t r = 0; r < height; r++) {
      ak_call_loop(in, v, y.base + r * y.row_stride * in->result.size, &b);
      for (int k = 0; k < operands; k++) v[k].base += v[k].row_stride * in->operand[k].size;
    }
  }
}

// MARK: prefetching

// Asks the second-level cache for one part in `parts` of what the next block reads. A block is too
// short a stretch for the hardware to see where it leads.
static void ak_prefetch(const ak_block_program *p, const ak_block *next, int64_t part,
                        int64_t parts) {
  for (int64_t s = 0; s < p->stream_count; s++) {
    const ak_place *place = p->streams + s;
    if (next->height > 1 && place->stride != next->width) continue;
    const char *base = place->memory + (next->row * place->stride + next->column) * place->size;
    const int64_t lines = (next->height * next->width * place->size + 63) / 64;
    for (int64_t l = lines * part / parts; l < lines * (part + 1) / parts; l++)
      __builtin_prefetch(base + l * 64, 0, 2);
  }
}

// MARK: units

static bool ak_is_sum(const ak_instruction *in) { return in->kind >= AK_SUM_ALL; }

static int64_t ak_smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Moves the sums of the rows at hand to those of the rows before, at the end of each sum_rows; at
// the last row, hands them back.
static void ak_fold_sums(const ak_block_program *p, int64_t row, int64_t begin, int64_t end) {
  const bool is_first = row <= p->sum_rows;
  for (int64_t i = 0; i < p->count; i++) {
    const ak_instruction *in = p->code + i;
    if (in->kind != AK_SUM_ROWS) continue;
    double *now = in->sums, *before = in->sums + in->lanes;
    for (int64_t c = begin; c < end; c++) {
      before[c] = is_first ? now[c] : before[c] + now[c];
      now[c] = 0;
    }
    if (row == p->rows)
      for (int64_t c = begin; c < end; c++) ak_store_sum(in, before[c], c);
  }
}

static void ak_run_unit(const ak_block_program *p, char *scratch, int64_t unit) {
  const int64_t across =
      p->unit_columns > 0 ? (p->columns + p->unit_columns - 1) / p->unit_columns : 1;
  const int64_t down = across > 0 ? unit / across : 0;
  const int64_t row_begin = down * p->unit_rows;
  const int64_t row_end = ak_smaller(p->rows, row_begin + p->unit_rows);
  const int64_t column_begin = (unit - down * across) * p->unit_columns;
  const int64_t column_end = ak_smaller(p->columns, column_begin + p->unit_columns);
  for (int64_t i = 0; i < p->count; i++) {
    const ak_instruction *in = p->code + i;
    if (!ak_is_sum(in)) continue;
    if (p->sum_rows)
      memset(in->sums + column_begin, 0, (size_t)(column_end - column_begin) * sizeof(double));
    else
      memset(in->sums + unit * in->lanes, 0, (size_t)in->lanes * sizeof(double));
  }
  ak_block b;
  for (b.row = row_begin; b.row < row_end; b.row += b.height) {
    b.height = ak_smaller(p->block_rows, row_end - b.row);
    if (p->sum_rows) b.height = ak_smaller(b.height, p->sum_rows - b.row % p->sum_rows);
    for (b.column = column_begin; b.column < column_end; b.column += b.width) {
      b.width = ak_smaller(p->block_columns, column_end - b.column);
      ak_block next = b;
      next.column += b.width;
      if (next.column == column_end) {
        next.column = column_begin;
        next.row += b.height;
      }
      next.height = ak_smaller(p->block_rows, row_end - next.row);
      next.width = ak_smaller(p->block_columns, column_end - next.column);
      for (int64_t i = 0; i < p->count; i++) {
        if (next.height > 0) ak_prefetch(p, &next, i, p->count);
        const ak_instruction *in = p->code + i;
        if (ak_is_sum(in))
          ak_sum_block(p, in, p->sum_rows ? in->sums : in->sums + unit * in->lanes, &b, scratch);
        else
          ak_run_instruction(in, &b, scratch);
      }
    }
    const int64_t row = b.row + b.height;
    if (p->sum_rows && (row % p->sum_rows == 0 || row == p->rows))
      ak_fold_sums(p, row, column_begin, column_end);
  }
  if (p->sum_rows) return;
  for (int64_t i = 0; i < p->count; i++) {
    const ak_instruction *in = p->code + i;
    double *sums = in->sums + unit * in->lanes;
    if (in->kind == AK_SUM_ALL) sums[0] = ak_total(sums);
    // Without columns there was no block; every row's sum is empty.
    if (in->kind == AK_SUM_COLUMNS && p->columns == 0)
      for (int64_t r = row_begin; r < row_end; r++) ak_store_sum(in, 0, r);
  }
}

void ak_block_program_run(const ak_block_program *p, char *scratch, int64_t begin, int64_t end) {
  for (int64_t unit = begin; unit < end; unit++) ak_run_unit(p, scratch, unit);
}

void ak_block_program_finish(const ak_block_program *p) {
  if (p->sum_rows) return;
  for (int64_t i = 0; i < p->count; i++) {
    const ak_instruction *in = p->code + i;
    if (in->kind != AK_SUM_ALL && in->kind != AK_SUM_ROWS) continue;
    const int64_t results = in->kind == AK_SUM_ALL ? 1 : p->columns;
    for (int64_t unit = 1; unit < p->units; unit++) {
      const double *more = in->sums + unit * in->lanes;
      for (int64_t c = 0; c < results; c++) in->sums[c] += more[c];
    }
    for (int64_t c = 0; c < results; c++) ak_store_sum(in, in->sums[c], c);
  }
}
