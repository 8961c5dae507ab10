"""LlamaIndex's hybrid search as benchmarks/peers.py asks it: BM25 and faiss, fused by QueryFusionRetriever.

Runs in an environment of its own (peers.py makes it), reads the passages and vectors that Freehold has, and
then answers a question a line. Texts are embedded by nobody here: every question's vector was made before by
the same model, so that only the search is timed.
"""

from __future__ import annotations

from typing import Any

import bm25s
import faiss
import Stemmer
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import MetadataMode, TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.faiss import FaissVectorStore
from peer_worker import Given, serve


class MadeBefore(BaseEmbedding):
    """Gives the vector that the shared model made of a question."""

    made: Any

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.made[query]

    def _get_text_embedding(self, text: str) -> list[float]:
        raise AssertionError("Passages bring their vectors.")

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def made(given: Given) -> Any:
    """The pipeline; `way` says how many each side names, how they are fused and what computes BM25."""
    depth, mode, backend = given.way["depth"], given.way["mode"], given.way["bm25"]
    nodes = [
        TextNode(id_=name, text=text, embedding=vector.tolist())
        for name, text, vector in zip(given.names, given.texts, given.vectors, strict=True)
    ]
    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(given.vectors.shape[1]))
    index = VectorStoreIndex(
        nodes,
        storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=MadeBefore(made=given.questions),
    )
    stemmer = Stemmer.Stemmer("english")
    words = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=depth, stemmer=stemmer)
    if backend == "numba":  # what from_defaults does, computed by bm25s's faster half
        contents = [node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
        fast = bm25s.BM25(backend="numba")
        fast.index(
            bm25s.tokenize(contents, stopwords="en", stemmer=stemmer, show_progress=False),
            show_progress=False,
        )
        words.bm25 = fast
    return QueryFusionRetriever(
        [words, index.as_retriever(similarity_top_k=depth)],
        llm=MockLLM(),
        num_queries=1,
        mode=mode,
        similarity_top_k=10,
        use_async=False,
    )


def main() -> None:
    given = Given.read()
    retriever = made(given)

    def ask(text: str) -> list[str]:
        return [found.node.node_id for found in retriever.retrieve(text)]

    serve(ask)


if __name__ == "__main__":
    main()
