import GraphOps

/// Labelled grey images, split for training and for testing.
///
/// Pixels stay bytes, as the files hold them; `gather` makes floats of the rows a batch asks for.
public struct DataSet: Sendable {
  /// Some of the images with their labels.
  public struct Split: Sendable, Equatable {
    /// Row-major pixels, image after image.
    public let images: [UInt8]
    /// The class of each image.
    public let labels: [UInt8]

    /// The number of images.
    public var count: Int { labels.count }

    /// Wraps pixels and labels that belong together.
    public init(images: [UInt8], labels: [UInt8]) {
      self.images = images
      self.labels = labels
    }
  }

  /// What it is called on the command line, or its directory's name.
  public let name: String
  /// `[rows, cols]` of one image.
  public let imageShape: [Int]
  /// The images to learn from.
  public let train: Split
  /// The images to judge by.
  public let test: Split
  /// The pixel value that becomes 1: 255, or 16 for the digits.
  public let maximum: UInt8
  /// Where the data comes from and under what licence.
  public let source: String
  /// A 64-bit hash of the contents, the same on every machine and in every run; not of the name.
  public let fingerprint: UInt64

  /// Pixels in one image.
  public var imageSize: Int { imageShape.reduce(1, *) }

  /// Puts a set together. Misuse traps: pixels and labels must fit the shape, `maximum` not be 0.
  public init(
    name: String, imageShape: [Int], train: Split, test: Split, maximum: UInt8, source: String
  ) {
    let size = imageShape.reduce(1, *)
    precondition(maximum > 0, "the pixel value that becomes 1 is 0")
    for split in [train, test] {
      precondition(
        split.images.count == split.count * size,
        "\(split.images.count) pixels for \(split.count) images \(imageShape)")
    }
    self.name = name
    self.imageShape = imageShape
    self.train = train
    self.test = test
    self.maximum = maximum
    self.source = source
    var hash = Fingerprint()
    for dim in imageShape { hash.combine(UInt64(dim)) }
    hash.combine(UInt64(maximum))
    for split in [train, test] {
      hash.combine(split.images)
      hash.combine(split.labels)
    }
    fingerprint = hash.value
  }

  /// Copies the images `rows` of a split, one after the other, scaled to [0, 1], into `target`.
  ///
  ///     set.gather(order[start..<end], of: set.train, into: buffer)
  ///
  /// Allocates nothing. A value is `pixel / maximum` rounded once, as NumPy and PyTorch have it.
  /// Misuse traps: a row outside the split, or a target of another size.
  public func gather(
    _ rows: some Collection<Int>, of split: Split, into target: UnsafeMutableBufferPointer<Float>
  ) {
    scale(rows, of: split, into: target, by: { scaleBytes($0, by: Float(maximum), into: $1) })
  }

  /// As above, in double precision.
  public func gather(
    _ rows: some Collection<Int>, of split: Split, into target: UnsafeMutableBufferPointer<Double>
  ) {
    scale(rows, of: split, into: target, by: { scaleBytes($0, by: Double(maximum), into: $1) })
  }

  @inline(__always)
  private func scale<Value: BinaryFloatingPoint>(
    _ rows: some Collection<Int>, of split: Split, into target: UnsafeMutableBufferPointer<Value>,
    by convert: (UnsafeBufferPointer<UInt8>, UnsafeMutablePointer<Value>) -> Void
  ) {
    let size = imageSize
    precondition(
      target.count == rows.count * size,
      "a buffer of \(target.count) for \(rows.count) images of \(size) pixels")
    split.images.withUnsafeBufferPointer { images in
      // An empty buffer has no address, and then there is nothing to copy.
      guard let pixels = images.baseAddress, var place = target.baseAddress else { return }
      for row in rows {
        precondition(
          row >= 0 && row < split.count, "there is no image \(row) among \(split.count)")
        convert(UnsafeBufferPointer(start: pixels + row * size, count: size), place)
        place += size
      }
    }
  }
}
