from prometheus_client.parser import text_string_to_metric_families


def parsed(text):
    """Name and labels of every sample -> its value. Raises ValueError for what is no Prometheus text."""
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in samples, f"twice: {key}"
            samples[key] = sample.value
    return samples
