/// What a training run noted of the gradient flow round a sampling node at one step.
public struct FlowRecord: Codable, Sendable, Equatable {
  /// A term of the loss at the probe batch.
  public struct Term: Codable, Sendable, Equatable {
    public var name: String
    /// The mean over the draws.
    public var value: Double
    public var weight: Double
  }

  /// The gradient at one parameter of the distribution, or at the draw.
  public struct Row: Codable, Sendable, Equatable {
    public var name: String
    /// The root mean square over the draws of each term's gradient norm; nil where none comes.
    public var norms: [Double?]
    public var total: Double?
    /// The mean cosine between the gradients of `pair`; nil where there are not two.
    public var cosine: Double?
    /// ‖mean‖ / √(summed variance) over the draws; nil where nothing varies.
    public var signalToNoise: Double?

    /// The first two terms of which a gradient comes.
    public var pair: (first: Int, second: Int)? {
      let reaching = norms.indices.filter { norms[$0] != nil }
      return reaching.count < 2 ? nil : (reaching[0], reaching[1])
    }
  }

  /// One latent dimension, by the mean over the draws; see `LatentStatistics`.
  public struct Latent: Codable, Sendable, Equatable {
    public var divergence: Double
    public var meanVariance: Double?
    public var meanSigma: Double
    public var state: LatentStatistics.State?
  }

  /// Steps that were done.
  public var step: UInt64
  /// Epochs that were done, as a fraction within one.
  public var epoch: Double
  public var loss: Double
  public var terms: [Term]
  /// What the loss adds to its terms; nil where that is nothing.
  public var constant: Double?
  public var rows: [Row]
  public var latents: [Latent]

  /// Latents that tell images apart.
  public var activeUnits: Int { latents.count { $0.state?.isActive ?? false } }
  /// The divergence summed over the latents, in nats an image.
  public var divergence: Double { latents.reduce(0) { $0 + $1.divergence } }
}
