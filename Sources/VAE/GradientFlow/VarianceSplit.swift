/// Var(g) = Var_x(E_ε g) + E_x Var_ε(g) for the gradient of one image at a parameter of the draw,
/// summed over the latents: whether more data would help, or more draws.
public struct VarianceSplit: Sendable, Encodable {
  public let parameter: String
  /// Var_x(E_ε g), less what the draws' noise adds to it; never below 0.
  public let betweenImages: Double
  /// E_x Var_ε(g) of one draw.
  public let withinImages: Double
  public let images: Int

  /// The share of the noise, from 0 to 1; nil where nothing varies.
  public var noiseShare: Double? {
    let total = betweenImages + withinImages
    return total > 0 ? withinImages / total : nil
  }

  /// Gradients of shape [images, …] as moments over draws; nil for fewer than two images.
  ///
  /// Each gradient is the mean over `draws` draws.
  init?(_ parameter: String, _ moments: Moments, images: Int, draws: Int, isExact: Bool) {
    guard images > 1, moments.mean.count % images == 0 else { return nil }
    self.parameter = parameter
    self.images = images
    let width = moments.mean.count / images
    let noise = isExact ? moments.variance : moments.sampleVariance
    let within = noise.reduce(0, +) / Double(images)
    withinImages = within * Double(draws)
    var between = 0.0
    for latent in 0..<width {
      let column = (0..<images).map { moments.mean[$0 * width + latent] }
      let mean = column.reduce(0, +) / Double(images)
      between += column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(images - 1)
    }
    let bias = isExact ? 0 : within / Double(max(moments.count, 1))
    betweenImages = max(0, between - bias)
  }

  private enum CodingKeys: String, CodingKey {
    case parameter, betweenImages, withinImages, images, noiseShare
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(parameter, forKey: .parameter)
    try container.encode(betweenImages, forKey: .betweenImages)
    try container.encode(withinImages, forKey: .withinImages)
    try container.encode(images, forKey: .images)
    try container.encodeIfPresent(noiseShare, forKey: .noiseShare)
  }
}
