import COpenBLAS

/// The number of threads that OpenBLAS uses for one matrix product.
public enum BLASThreads {
  public static var count: Int {
    get { Int(openblas_get_num_threads()) }
    set { openblas_set_num_threads(Int32(clamping: max(1, newValue))) }
  }
}
