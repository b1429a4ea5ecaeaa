/// The extents of an array's axes, outermost first; a scalar has none.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public var dims: [Dim]

  public init(_ dims: [Dim]) { self.dims = dims }
  public init(arrayLiteral elements: Dim...) { dims = elements }

  public static let scalar = Shape([])

  /// The most axes an array may have; the kernels' loops walk no more.
  public static let maximumRank = 8

  /// The most elements an array may have: every byte count that follows fits in an `Int`.
  public static let maximumCount = Int.max / 16

  public var rank: Int { dims.count }

  /// `[N, D]`.
  public var description: String { "[" + dims.map(\.description).joined(separator: ", ") + "]" }

  /// Every named dimension of the shape.
  public var symbols: [String] { dims.flatMap(\.symbols) }

  /// The number of elements as a dim. Throws `overflow`.
  public func elementCount() throws(DimError) -> Dim {
    var count: Dim = 1
    for dim in dims { count = try count.multiplied(by: dim) }
    return count
  }

  /// Whether the extents are numbers and names whose count fits, which takes no algebra to see;
  /// false says nothing.
  var isPlainlyCountable: Bool {
    var count = 1
    for dim in dims where dim.symbolName == nil {
      guard let size = dim.constant else { return false }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow || product > Shape.maximumCount || product < 0 { return false }
      count = product
    }
    return true
  }

  /// The concrete shape under `sizes`. Throws as `Dim.evaluated`, and `overflow` when the element
  /// count would not fit.
  public func evaluated(_ sizes: [String: Int]) throws(DimError) -> [Int] {
    var result: [Int] = []
    var count = 1
    for dim in dims {
      let size = try dim.evaluated(sizes)
      let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
      if overflow || product > Shape.maximumCount { throw .overflow(description) }
      count = product
      result.append(size)
    }
    return result
  }

  /// NumPy's broadcast of two shapes, or nil when they do not fit.
  ///
  /// Axes align at the right. Equal dims stay, a literal 1 stretches; two different symbolic dims
  /// do not fit, whatever values they may take later.
  public func broadcast(with other: Shape) -> Shape? {
    if self == other { return self }
    var result: [Dim] = []
    for offset in 1...max(rank, other.rank, 1) {
      let a = offset <= rank ? dims[rank - offset] : nil
      let b = offset <= other.rank ? other.dims[other.rank - offset] : nil
      switch (a, b) {
      case (let a?, let b?):
        if a == b || b == 1 {
          result.append(a)
        } else if a == 1 {
          result.append(b)
        } else {
          return nil
        }
      case (let a?, nil): result.append(a)
      case (nil, let b?): result.append(b)
      case (nil, nil): break
      }
    }
    return Shape(result.reversed())
  }
}

/// What a node computes: element type and shape, written `f32[N, 784]`.
public struct ValueType: Hashable, Sendable, CustomStringConvertible {
  public var dtype: DType
  public var shape: Shape

  public init(_ dtype: DType, _ shape: Shape = .scalar) {
    self.dtype = dtype
    self.shape = shape
  }

  public var description: String { "\(dtype)\(shape)" }
}

extension ValueType {
  /// What no array can be, in words: too many axes, or an element count that does not fit. Nothing
  /// of such a type is built, so that later stages may take counts as given.
  package var excess: (message: String, expected: String)? {
    if shape.rank > Shape.maximumRank {
      return ("too many axes", "at most \(Shape.maximumRank)")
    }
    if shape.isPlainlyCountable { return nil }
    do throws(DimError) {
      guard let count = try shape.elementCount().constant else { return nil }
      return count > Shape.maximumCount
        ? ("too many elements", "at most \(Shape.maximumCount)") : nil
    } catch .overflow {
      return ("too many elements", "at most \(Shape.maximumCount)")
    } catch {
      return ("a shape whose elements cannot be counted", "a simpler one: \(error)")
    }
  }
}
