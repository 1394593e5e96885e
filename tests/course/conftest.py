"""What the tests of a section's catalogue of questions are made of; which they are, `every_section.py` says."""

import pytest

pytest.register_assert_rewrite("every_section")


@pytest.fixture(scope="module")
def answers(request):
    """The module's questions that are answered by a number, by name, each with what is right."""
    return {question.__name__: (question(), float(right)) for question, right in request.module.right_answers().items()}


def pytest_generate_tests(metafunc):
    """Run a test of `every_section` for each number that the module asks for."""
    if "number_name" in metafunc.fixturenames and metafunc.function.__module__ == "every_section":
        metafunc.parametrize("number_name", list(metafunc.module.NUMBERS))
