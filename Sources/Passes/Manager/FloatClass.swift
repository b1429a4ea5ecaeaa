/// How far a rewrite may change what floats come out.
public enum FloatClass: String, CaseIterable, Sendable {
  /// The same bits for every input, NaN, infinities and signed zeros included.
  case exact
  /// The same value over the real numbers: rounding differs, and what overflowed, underflowed or
  /// cancelled on one way need not on the other.
  case reassociating
  /// As `reassociating`, where every value is finite: `x - x => 0`.
  case finiteOnly = "finite_only"
}

/// Which classes of rewrites may be applied.
public enum FloatMode: String, CaseIterable, Sendable {
  case strict
  case standard = "default"
  case fast

  public func allows(_ float: FloatClass) -> Bool {
    switch float {
    case .exact: true
    case .reassociating: self != .strict
    case .finiteOnly: self == .fast
    }
  }
}
