import CKernels

extension BlockProgram {
  /// An instruction with its operands.
  struct Draft {
    var raw: ak_instruction
    var operands: [ak_place]
  }

  /// Does two or three steps of arithmetic in one pass where nothing else reads what lies between
  /// them: `t = a·b; y = t + c` => `y = a·b + c`. The same roundings, so the same bits.
  static func combined(_ drafts: [Draft]) -> [Draft] {
    var code = drafts
    var index = 0
    // From the front: a sum's first product finds the sum, with the other product still by itself.
    while index < code.count {
      // What is new may be a step of something longer: so it is looked at again.
      index = combine(&code, at: index) ?? index + 1
    }
    return code
  }

  /// Replaces the instruction at `index` by its combination with what makes its operands; where to
  /// look next, or nil when there is none.
  private static func combine(_ code: inout [Draft], at index: Int) -> Int? {
    let found =
      sumOfProducts(code, index) ?? pair(code, index) ?? scaledRoot(code, index)
      ?? lessQuotient(code, index) ?? sumWithSquare(code, index) ?? flushed(code, index)
    guard let (draft, removed) = found else { return nil }
    code[index] = draft
    for place in removed.sorted(by: >) { code.remove(at: place) }
    return removed.reduce(index) { $0 - ($1 < index ? 1 : 0) }
  }

  /// At a sum of two products that nothing else reads.
  private static func sumOfProducts(_ code: [Draft], _ index: Int) -> (Draft, removed: [Int])? {
    let sum = code[index]
    guard operation(sum) == .add, sum.operands.count == 2 else { return nil }
    var places: [Int] = []
    var operands: [ak_place] = []
    for operand in sum.operands {
      guard let place = maker(of: operand, in: code, before: index),
        operation(code[place]) == .mul, isMovable(place, to: index, in: code),
        let factors = columnsFirst(code[place])
      else { return nil }
      places.append(place)
      operands += factors
    }
    guard places[0] != places[1], operands[1].columns == operands[3].columns else { return nil }
    return (made(AK_LOOP_QUATERNARY, ArithmeticPairs.sumOfProducts, operands, like: sum), places)
  }

  /// At an operation of which one operand is the result of another that nothing else reads.
  private static func pair(_ code: [Draft], _ index: Int) -> (Draft, removed: [Int])? {
    let draft = code[index]
    guard let second = operation(draft), draft.operands.count == 2 else { return nil }
    for (side, operand) in draft.operands.enumerated() {
      guard let place = maker(of: operand, in: code, before: index),
        let first = operation(code[place]), isMovable(place, to: index, in: code),
        let inner = columnsFirst(code[place]),
        let loop = ArithmeticPairs.loop(first, side == 0 ? second : second.swapped)
      else { continue }
      let operands = inner + [draft.operands[1 - side]]
      return (made(AK_LOOP_TERNARY, loop, operands, like: draft), [place])
    }
    return nil
  }

  /// √a·b + c, of a register that holds √a.
  private static func scaledRoot(_ code: [Draft], _ index: Int) -> (Draft, removed: [Int])? {
    let draft = code[index]
    guard draft.raw.loop == ArithmeticPairs.loop(.mul, .add),
      let place = maker(of: draft.operands[0], in: code, before: index),
      ArithmeticPairs.isSquareRoot(code[place].raw.loop), isMovable(place, to: index, in: code)
    else { return nil }
    let operands = code[place].operands + draft.operands.dropFirst()
    return (made(AK_LOOP_TERNARY, ArithmeticPairs.scaledRoot, operands, like: draft), [place])
  }

  /// d − a·b / c, of a register that holds the quotient.
  private static func lessQuotient(_ code: [Draft], _ index: Int) -> (Draft, removed: [Int])? {
    let draft = code[index]
    guard operation(draft) == .sub, draft.operands[0].columns,
      let place = maker(of: draft.operands[1], in: code, before: index),
      code[place].raw.loop == ArithmeticPairs.loop(.mul, .div),
      isMovable(place, to: index, in: code)
    else { return nil }
    let operands = code[place].operands + [draft.operands[0]]
    return (made(AK_LOOP_QUATERNARY, ArithmeticPairs.lessQuotient, operands, like: draft), [place])
  }

  /// a·b + c²·d, of a register that holds c² on either side.
  private static func sumWithSquare(_ code: [Draft], _ index: Int) -> (Draft, removed: [Int])? {
    let draft = code[index]
    guard draft.raw.loop == ArithmeticPairs.sumOfProducts else { return nil }
    for side in [2, 0] {
      guard let place = maker(of: draft.operands[side], in: code, before: index),
        ArithmeticPairs.isSquare(code[place].raw.loop), isMovable(place, to: index, in: code)
      else { continue }
      var operands = side == 2 ? draft.operands : Array(draft.operands[2...] + draft.operands[..<2])
      operands[2] = code[place].operands[0]
      return (
        made(AK_LOOP_QUATERNARY, ArithmeticPairs.sumWithSquare, operands, like: draft), [place]
      )
    }
    return nil
  }

  /// A sum of two products without subnormals, of a register that holds the sum.
  private static func flushed(_ code: [Draft], _ index: Int) -> (Draft, removed: [Int])? {
    let draft = code[index]
    guard ArithmeticPairs.isFlush(draft.raw.loop),
      let place = maker(of: draft.operands[0], in: code, before: index),
      let loop = ArithmeticPairs.flushed(code[place].raw.loop),
      isMovable(place, to: index, in: code)
    else { return nil }
    return (made(AK_LOOP_QUATERNARY, loop, code[place].operands, like: draft), [place])
  }

  private static func made(
    _ kind: Int, _ loop: UnsafeRawPointer, _ operands: [ak_place], like draft: Draft
  ) -> Draft {
    var raw = draft.raw
    raw.kind = Int32(kind)
    raw.loop = loop
    return Draft(raw: raw, operands: operands)
  }

  private static func operation(_ draft: Draft) -> ArithmeticPairs.Operation? {
    guard draft.raw.kind == Int32(AK_LOOP_BINARY) else { return nil }
    return ArithmeticPairs.operation(of: draft.raw.loop)
  }

  /// The operands with one that has an element a column in front, as the loops want it.
  private static func columnsFirst(_ draft: Draft) -> [ak_place]? {
    let (a, b) = (draft.operands[0], draft.operands[1])
    if a.columns { return [a, b] }
    return operation(draft)?.isCommutative == true && b.columns ? [b, a] : nil
  }

  /// The instruction that last wrote a register.
  private static func maker(of place: ak_place, in code: [Draft], before index: Int) -> Int? {
    guard place.memory == nil else { return nil }
    return code[..<index].lastIndex { isRegister($0.raw.result, place.slot) && !isSum($0) }
  }

  /// Whether the instruction at `place` may run as a part of the one at `index`: nothing else reads
  /// its result, and its operands are still what they were.
  private static func isMovable(_ place: Int, to index: Int, in code: [Draft]) -> Bool {
    let made = code[place].raw.result
    let user = code[index].raw.result
    guard made.rows == user.rows, made.columns == user.columns, made.size == user.size else {
      return false
    }
    // The result may lie where an operand of the moved one was, which was free by then. Element by
    // element that does no harm; but one element of a row must outlive the row's first result.
    let isInTheWay = code[place].operands.contains {
      isRegister($0, user.slot) && user.memory == nil
        && !($0.rows == user.rows && $0.columns == user.columns && $0.size == user.size)
    }
    if isInTheWay { return false }
    var readers = 0
    for (later, draft) in code.enumerated().dropFirst(place + 1) {
      readers += draft.operands.count { isRegister($0, made.slot) }
      if later < index {
        // What lies between must leave the operands alone.
        if draft.raw.result.memory != nil { return false }
        if code[place].operands.contains(where: { isRegister($0, draft.raw.result.slot) }) {
          return false
        }
      }
      if !isSum(draft), isRegister(draft.raw.result, made.slot) { break }
    }
    return readers == 1
  }

  private static func isSum(_ draft: Draft) -> Bool { draft.raw.kind >= Int32(AK_SUM_ALL) }

  private static func isRegister(_ place: ak_place, _ slot: Int64) -> Bool {
    place.memory == nil && place.slot == slot
  }
}
