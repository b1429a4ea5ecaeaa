// A register program over blocks: elementwise loops, copies and sums that run together on a space
// of rows x columns elements, one block at a time, so that what lies between them stays in the
// first-level cache.
//
// The space is cut into units, which may run at the same time. What a unit computes, and in which
// order it adds, depends on the space alone.
#ifndef AK_BLOCK_PROGRAM_H
#define AK_BLOCK_PROGRAM_H

#include <stdbool.h>

#include "ak_support.h"

// Where a value is while a block is computed.
typedef struct {
  char *memory;   // the element at row 0, column 0; NULL for a register, which holds one block
  int64_t slot;   // of a register: how many bytes into the worker's scratch it lies
  int64_t stride; // in memory: elements from one row to the next
  int32_t size;   // bytes of an element
  bool rows;      // whether it has an element for each row, or one for all
  bool columns;   // whether it has an element for each column, or one for all
} ak_place;

enum {
  AK_LOOP_UNARY,   // loop(x, y, n)
  AK_LOOP_BINARY,  // loop(walk, a, b, y, begin, end)
  AK_LOOP_TERNARY, // loop(walk, a, b, c, y, begin, end)
  AK_LOOP_QUATERNARY, // loop(walk, a, b, c, d, y, begin, end)
  AK_COPY,         // the operand, stretched where it is broadcast
  AK_SUM_ALL,      // one result
  AK_SUM_ROWS,     // one result a column
  AK_SUM_COLUMNS,  // one result a row
};

typedef struct {
  int32_t kind;
  const void *loop;
  ak_place operand[4], result;
  // Of a sum: `lanes` doubles for each unit, and what the total is divided by. With sum_rows, of
  // a sum over rows: `lanes` for the rows at hand, then as many for those before.
  double *sums;
  int64_t lanes;
  double divisor;
} ak_instruction;

typedef struct {
  int64_t rows, columns;
  int64_t block_rows, block_columns;
  // What a unit spans; units follow each other from left to right, then downwards.
  int64_t unit_rows, unit_columns, units;
  // Not 0 where a unit has all rows, and sums over rows are to be those of units of so many rows.
  int64_t sum_rows;
  int64_t count;
  ak_instruction *code;
  // What is to be asked for while the block before is computed.
  int64_t stream_count;
  ak_place *streams;
} ak_block_program;

// Runs the units begin ..< end; scratch holds the registers.
void ak_block_program_run(const ak_block_program *p, char *scratch, int64_t begin, int64_t end);

// Once all units have run: adds up what they left, in the order of units.
void ak_block_program_finish(const ak_block_program *p);

// Lanes of a sum over elements that lie together.
enum { AK_SUM_LANES = 16 };

#endif
