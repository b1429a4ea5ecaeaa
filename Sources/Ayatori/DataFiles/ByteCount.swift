/// The bytes of an array of this shape, or nil when a dim is negative or the size does not fit.
///
/// Zero-sized axes do not hide an overflow of the others, so that the product of the dims may be
/// taken in any order afterwards without a trap.
func byteCount(of shape: [Int], itemSize: Int) -> Int? {
  var product = itemSize
  for dim in shape {
    guard dim >= 0 else { return nil }
    let (next, overflow) = product.multipliedReportingOverflow(by: max(dim, 1))
    if overflow { return nil }
    product = next
  }
  return shape.contains(0) ? 0 : product
}
