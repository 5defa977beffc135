"""What roles of a template may do."""

from infra.policies import documents_of


def statements_of(template, role):
    """The statements of a role's inline policies and of the managed policies that it names."""
    resources = template["Resources"]
    attached = [each["Ref"] for each in resources[role]["Properties"].get("ManagedPolicyArns", []) if "Ref" in each]
    named = [{**resources[role], "Type": "AWS::IAM::Role"}, *(resources[name] for name in attached)]
    return [one for resource in named for document in documents_of(resource) for one in document["Statement"]]
