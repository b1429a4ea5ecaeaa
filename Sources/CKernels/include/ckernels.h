// The C loops of Ayatori: one header for each topic. See each header for shapes and rules.
//
// Common to all: no allocation, no global state, no restrict between operands and result (in place
// is fine where a header says so), zero sizes are fine, NaN propagates, integers wrap.
// bool is uint8_t with the values 0 and 1. Suffixes: f32 f64 i32 i64 bool.
#ifndef AK_CKERNELS_H
#define AK_CKERNELS_H

#include "ak_block_program.h"
#include "ak_cast.h"
#include "ak_elementwise_binary.h"
#include "ak_elementwise_pair.h"
#include "ak_elementwise_unary.h"
#include "ak_movement.h"
#include "ak_pause.h"
#include "ak_prefetch.h"
#include "ak_philox.h"
#include "ak_reduce.h"
#include "ak_scale_bytes.h"

#endif
