{# Credit types that lower the price of the usage they stand on; every other type is a Credit charge of its own. #}
{% macro gcp_usage_credit_types() -%}
    (
        'COMMITTED_USAGE_DISCOUNT', 'COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE', 'SUSTAINED_USAGE_DISCOUNT', 'DISCOUNT',
        'FEE_UTILIZATION_OFFSET', 'SUBSCRIPTION_BENEFIT'
    )
{%- endmacro %}


{# FOCUS ServiceCategory of a Google Cloud service; the exports do not carry one. #}
{% macro gcp_service_category(service_name) -%}
    case
        when {{ service_name }} in ('Vertex AI', 'Gemini API', 'Generative Language API') then 'AI and Machine Learning'
        when {{ service_name }} in ('Compute Engine', 'Kubernetes Engine', 'Cloud Run') then 'Compute'
        when {{ service_name }} in ('Cloud Storage', 'Filestore') then 'Storage'
        when {{ service_name }} in ('BigQuery') then 'Analytics'
        when {{ service_name }} in ('Cloud SQL', 'Cloud Spanner') then 'Databases'
        when {{ service_name }} in ('Networking', 'Cloud CDN') then 'Networking'
        else 'Other'
    end
{%- endmacro %}
