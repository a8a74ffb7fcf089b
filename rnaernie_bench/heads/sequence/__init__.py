"""The sequence heads under the name that earlier releases documented."""

from rnaernie_bench.heads.bases.linear import DROPOUT, bases_of, head_config
from rnaernie_bench.heads.mean import MeanHead
from rnaernie_bench.heads.pooled import PooledHead

__all__ = ["DROPOUT", "MeanHead", "PooledHead", "bases_of", "head_config"]
