from prometheus_client.parser import text_string_to_metric_families


def parsed(text):
    """Parse a Prometheus text: name and labels of each sample -> its value. Raises ValueError for an invalid text."""
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in samples, f"twice: {key}"
            samples[key] = sample.value
    return samples
