from pathlib import Path

from callrouter.web.app import openapi_document
from callrouter.web.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(openapi_document()), (
        "run `make docs` and commit what it writes"
    )


def test_every_route_says_what_it_is_for() -> None:
    for path, methods in openapi_document()["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)


def test_errors_are_documented_as_problem_documents() -> None:
    document = openapi_document()
    reply = document["paths"]["/api/v1/seats/{seat}/hold"]["post"]["responses"]["409"]
    assert reply["content"]["application/problem+json"]["schema"]["$ref"].endswith("/ProblemDocument")
    assert "ProblemDocument" in document["components"]["schemas"]
