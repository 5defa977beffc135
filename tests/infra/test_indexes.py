"""Changes of tables: which DynamoDB would refuse, and in what order indexes come and go."""

import dataclasses
import json

import pytest

from chalicelib.kit.tables.driver import Query
from chalicelib.kit.tables.schema import Index, Table
from chalicelib.platform.context import Context, Family, Role
from infra.deployables import CORE, Deployable, StackKind
from infra.deployment.indexes import Application, application, refusals, used_indexes
from infra.stateful import stateful_template
from tests.infra.deploying import STAGE, Deployer, small_application

BY_NAME = Index("by_name", "name", projected=("state",))
BY_STATE = Index("by_state", "state", "id")
NODES = Table("nodes", "id", indexes=(BY_NAME,))
NOBODY = [Application("core", {"nodes": []})]


def template_with(table):
    """A stateful template of a family with that table alone."""
    family = Family("try", (Context("try", tables=(table,)),))
    return stateful_template(Deployable(StackKind.FAMILY, family, (family,), (family,)), retain=True)


def change(new, old=NODES, applications=NOBODY):
    templates = [json.loads(json.dumps(template_with(table))) for table in (old, new)]
    return refusals(*templates, applications)


def with_indexes(*indexes, **changes):
    return dataclasses.replace(NODES, indexes=indexes, **changes)


class TestRefusals:
    def test_unchanged_tables_and_a_single_new_index_are_accepted(self):
        assert change(NODES) == []
        assert change(with_indexes(BY_NAME, BY_STATE)) == []

    def test_added_and_removed_tables_are_no_index_change(self):
        other = Table("others", "id", indexes=(BY_NAME, BY_STATE))
        assert refusals(*[template_with(each) for each in (NODES, other)], []) == []

    @pytest.mark.parametrize(
        ("new", "told"),
        [
            (
                with_indexes(BY_NAME, BY_STATE, Index("by_age", "age")),
                "+by_state, +by_age: DynamoDB makes or removes one",
            ),
            (with_indexes(BY_STATE), "+by_state, -by_name: DynamoDB makes or removes one"),
            (with_indexes(dataclasses.replace(BY_NAME, projected=("state", "age"))), "index by_name changes"),
            (with_indexes(dataclasses.replace(BY_NAME, partition="title")), "index by_name changes"),
            (with_indexes(dataclasses.replace(BY_NAME, sort="id")), "index by_name changes"),
            (with_indexes(BY_NAME, numbers=frozenset({"name"})), "index by_name changes"),
            (with_indexes(BY_NAME, sort="place"), "its key changes"),
            (with_indexes(BY_NAME, partition="node"), "its key changes"),
        ],
    )
    def test_index_change_that_dynamodb_refuses_is_reported_with_a_remedy(self, new, told):
        assert [each for each in change(new) if each.startswith("table nodes: ") and told in each]

    def test_order_of_projected_attributes_is_no_change(self):
        one, other = (with_indexes(Index("x", "name", projected=names)) for names in (("a", "b"), ("b", "a")))
        assert change(one, other) == []

    def test_changed_expiry_attribute_is_refused_and_a_first_is_accepted(self):
        expiring = with_indexes(BY_NAME, expires_at="expires_at")
        assert change(expiring) == []
        assert (
            "expire by gone_at instead of expires_at"
            in change(with_indexes(BY_NAME, expires_at="gone_at"), expiring)[0]
        )


class TestRemoval:
    def test_index_removal_is_refused_while_a_stack_may_query_it(self):
        stacks = [Application("core", {"nodes": []}), Application("west", {"nodes": ["by_name"]})]
        (told,) = change(with_indexes(), applications=stacks)

        assert "index by_name is removed, and the code of west may query it" in told
        assert "retired=True" in told

    def test_index_removal_is_refused_where_a_stacks_queries_are_unknown(self):
        (told,) = change(with_indexes(), applications=[application("old", {"Resources": {}})])

        assert "the code of old may query it" in told

    def test_index_retired_in_every_stack_may_be_removed(self):
        retired = used_indexes([with_indexes(dataclasses.replace(BY_NAME, retired=True))])
        deployed = application("core", {"Metadata": {"EdgeAdmin": {"Indexes": retired}}})

        assert change(with_indexes(dataclasses.replace(BY_NAME, retired=True))) == []
        assert change(with_indexes(), applications=[deployed]) == []

    def test_retired_index_cannot_be_queried(self):
        retired = dataclasses.replace(BY_NAME, retired=True)
        with pytest.raises(ValueError, match="the index by_name is retired"):
            Query(NODES, "a", index=retired)


def test_packaged_application_lists_the_indexes_its_code_queries(packages):
    template = packages[Role.CORE]

    assert application("core", template).used == used_indexes(CORE.all_tables.values())
    assert template["Outputs"]["Release"]["Value"]


class TestDeploy:
    @pytest.fixture
    def deployer(self, emulator, tmp_path):
        deployer = Deployer(emulator.url, tmp_path)
        deployer.core()
        yield deployer
        deployer.session.close()

    def without_an_index(self, deployer):
        """The next deployment has tables of which one has lost its first index."""
        family = CORE.family
        place = next(place for place, context in enumerate(family.contexts) if context.tables[:1])
        context = family.contexts[place]
        table = next(table for table in context.tables if table.indexes)
        fewer = dataclasses.replace(table, indexes=table.indexes[1:])
        tables = tuple(fewer if each is table else each for each in context.tables)
        contexts = list(family.contexts)
        contexts[place] = dataclasses.replace(context, tables=tables)
        changed = dataclasses.replace(family, contexts=tuple(contexts))
        own = tuple(changed if each is family else each for each in CORE.own)
        deployer.deployable = dataclasses.replace(CORE, family=changed, own=own, every=own)
        return table.name, table.indexes[0].name

    def test_deployment_with_a_refused_index_change_plans_nothing(self, deployer):
        table, index = self.without_an_index(deployer)
        with pytest.raises(
            ValueError, match=f"table {table}: index {index} is removed, and the code of edge-admin-{STAGE}"
        ):
            deployer.core()

        assert deployer.session.called("CreateChangeSet") == []
        assert deployer.asked == []

    def test_deployment_removes_an_index_that_no_code_queries(self, deployer):
        table, index = self.without_an_index(deployer)
        used = {name: [each for each in names if each != index] for name, names in used_indexes(CORE.tables).items()}

        def retired(deployable):
            template = small_application(deployable)
            template["Resources"]["Probe"]["Properties"]["DelaySeconds"] = 5
            return {**template, "Metadata": {"EdgeAdmin": {"Indexes": used}}}

        deployer.deployable = CORE
        deployer.template = retired
        deployer.core()
        self.without_an_index(deployer)
        deployer.core()

        described = deployer.client("dynamodb").describe_table(TableName=f"edge-admin-{STAGE}-{table}")["Table"]
        assert index not in [each["IndexName"] for each in described.get("GlobalSecondaryIndexes", [])]
