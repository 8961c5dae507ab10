"""Haystack's hybrid search as benchmarks/peers.py asks it: a Pipeline of BM25 and faiss, joined by rank.

Runs in an environment of its own (peers.py makes it), reads the passages and vectors that Freehold has, and
then answers a question a line. Texts are embedded by nobody here: every question's vector was made before by
the same model, so that only the search is timed.
"""

from __future__ import annotations

from typing import Any

from haystack import Document, Pipeline, component
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.retrievers.faiss import FAISSEmbeddingRetriever
from haystack_integrations.document_stores.faiss import FAISSDocumentStore
from peer_worker import Given, serve


@component
class MadeBefore:
    """Gives the vector that the shared model made of a question."""

    def __init__(self, made: dict[str, list[float]]) -> None:
        self._made = made

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        return {"embedding": self._made[text]}


def made(given: Given) -> Pipeline:
    """The pipeline; `way` says how many each side names, how they are joined, and who holds the vectors."""
    depth, store = given.way["depth"], given.way["store"]
    words = InMemoryDocumentStore(
        bm25_algorithm=given.way["bm25"], embedding_similarity_function="dot_product"
    )
    if store == "faiss":
        vectors: Any = FAISSDocumentStore(embedding_dim=given.vectors.shape[1])
        nearest: Any = FAISSEmbeddingRetriever(document_store=vectors, top_k=depth)
    else:
        vectors, nearest = words, InMemoryEmbeddingRetriever(document_store=words, top_k=depth)
    rows = list(zip(given.names, given.texts, given.vectors, strict=True))
    if vectors is not words:
        words.write_documents([Document(id=name, content=text) for name, text, _ in rows])
    vectors.write_documents(
        [Document(id=name, content=text, embedding=row.tolist()) for name, text, row in rows]
    )
    pipeline = Pipeline()
    pipeline.add_component("embedder", MadeBefore(given.questions))
    pipeline.add_component("words", InMemoryBM25Retriever(document_store=words, top_k=depth))
    pipeline.add_component("vectors", nearest)
    pipeline.add_component("joiner", DocumentJoiner(join_mode=given.way["mode"], top_k=10))
    pipeline.connect("embedder.embedding", "vectors.query_embedding")
    pipeline.connect("words.documents", "joiner.documents")
    pipeline.connect("vectors.documents", "joiner.documents")
    return pipeline


def main() -> None:
    given = Given.read()
    pipeline = made(given)

    def ask(text: str) -> list[str]:
        found = pipeline.run({"embedder": {"text": text}, "words": {"query": text}})
        return [document.id for document in found["joiner"]["documents"]]

    serve(ask)


if __name__ == "__main__":
    main()
