{# FOCUS ServiceCategory of an AWS product code; codes not named here are Other, never dropped. #}
{% macro aws_service_category(product_code) -%}
    case
        when {{ product_code }} in ('AmazonBedrock', 'AmazonSageMaker') then 'AI and Machine Learning'
        when {{ product_code }} in ('AmazonEC2', 'AmazonECS', 'AmazonEKS', 'AWSLambda') then 'Compute'
        when {{ product_code }} in ('AmazonS3', 'AmazonEFS', 'AmazonFSx') then 'Storage'
        when {{ product_code }} in ('AmazonRDS', 'AmazonDynamoDB', 'AmazonElastiCache') then 'Databases'
        when {{ product_code }} in ('AmazonVPC', 'AWSDataTransfer', 'AmazonCloudFront', 'AWSELB') then 'Networking'
        when {{ product_code }} in ('AmazonCloudWatch', 'AWSCloudTrail', 'AWSConfig') then 'Management and Governance'
        when {{ product_code }} = 'ComputeSavingsPlans' then 'Compute'
        when {{ product_code }} like 'AWSSupport%' then 'Other'
        else 'Other'
    end
{%- endmacro %}


{#
    Amortised cost of a CUR 2.0 line: the formula of AWS's Cloud Intelligence Dashboards (summary_view.sql). The unused part
    of a commitment is a row of its own (int_aws_charge_lines), so its fee rows carry 0 here.
#}
{% macro aws_effective_cost() -%}
    case
        when line_item_type = 'SavingsPlanCoveredUsage' then savings_plan_effective_cost
        when line_item_type in ('SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee', 'SavingsPlanNegation', 'RIFee') then 0
        when line_item_type = 'DiscountedUsage' then reservation_effective_cost
        when line_item_type = 'Fee' and reservation_arn is not null then 0
        when line_item_type = 'Refund' and product_code = 'ComputeSavingsPlans'
            and charge_description like 'Refund for one-time fee for Savings Plan ID%' then 0
        else unblended_cost
    end
{%- endmacro %}
